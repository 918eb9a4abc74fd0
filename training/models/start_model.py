"""Carries over to a fresh model what a trained one has learnt (transfer learning)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from shardmill.datasets.dataset import ShardDataset
from shardmill.errors import ModelError
from shardmill.text.vocab import Vocab
from shardmill.training.modalities.find_modality import find_modality
from shardmill.training.models.baseline import Baseline
from shardmill.training.models.number_head import NumberHead
from shardmill.training.objectives.find_task import target_name
from shardmill.training.saved.load_model import Model

# The tensors and options by which a backbone knows its data. They are not learnt from gradients.
_OF_DATA = ("mean", "std", "token_hashes", "tokens", "codes", "groups", "texts")
# The embeddings of tokens, of texts alone and of those in tables.
_OF_TOKENS = ("backbone.embedding.weight", "backbone.words.embedding.weight")
_FIX_OPTIONS = "leave these to the model that the run starts from, or train a fresh one"
_FIX = "start from another model, or train a fresh one"


@dataclass(frozen=True, slots=True)
class Started:
    """What was carried over from a trained model.

    Attributes:
        head: Whether the target is the same, so that the head was carried over too.
        known: How many tokens of the vocabulary the trained model knows; None without a vocabulary.
    """

    head: bool
    known: int | None

    def __str__(self) -> str:
        known = "" if self.known is None else f"; it knows {self.known:,} tokens"
        return f"with {'its' if self.head else 'a fresh'} head{known}"


def start_model(fresh: Baseline, start: Model, dataset: ShardDataset) -> Started:
    """Carry over to a fresh model what a trained one has learnt.

    The head stays fresh, unless the classes are the same, or the name of the target if it is a
    number. Such a head then returns the numbers that it did, whatever their mean is here. Pixels
    and numbers are standardised by the statistics of the dataset. A token that the trained model
    does not know begins with the embedding of its unknown token or, if it has none, with a fresh
    one.

    Args:
        fresh: A model for the dataset, which is changed.
        start: The trained model.
        dataset: The train split.

    Raises:
        ModelError: The trained model is of another kind, architecture or size, or knows other
            columns.
    """
    _check_same(fresh, start, dataset)
    state, known = fresh.state_dict(), None
    head = _same_target(start, dataset)
    ours = find_modality(dataset.kind).vocabulary(dataset)
    theirs = start.preprocessor.fitted.vocab
    for name, tensor in start.module.state_dict().items():
        if name.rpartition(".")[2] in _OF_DATA or (name.startswith("head.") and not head):
            continue
        learnt = tensor
        if name in _OF_TOKENS and ours is not None and theirs:
            known = sum(token in theirs for token in ours.get_itos())
            learnt = _map_rows(state[name], tensor, ours, theirs)
        state[name] = learnt
    fresh.load_state_dict(state)
    if head and isinstance(fresh.head, NumberHead) and isinstance(start.module.head, NumberHead):
        fresh.head.rescale(start.module.head.mean, start.module.head.std)
    return Started(head, known)


def _same_target(start: Model, dataset: ShardDataset) -> bool:
    target = start.facts.target
    if target is None or dataset.classes is not None:
        return start.classes == dataset.classes
    return target.name == target_name(dataset.manifest.recipe)


def _check_same(fresh: Baseline, start: Model, dataset: ShardDataset) -> None:
    kind = dataset.manifest.kind
    if start.facts.kind != kind:
        expected, found = f"a model of kind {kind}, as {dataset.where} is", f"{start.facts.kind}"
    elif start.module.architecture != fresh.architecture:
        expected, found = f"a model with {fresh.architecture}", start.module.architecture
    elif different := _other_inputs(start, dataset):
        expected, found = f"{different[0]}, as {dataset.where} has", different[1]
    elif other := _other_options(fresh, start.module):
        both = (fresh.options, start.module.options)
        expected, found = (", ".join(f"{n} {options.get(n)}" for n in other) for options in both)
        raise ModelError(start.where, expected=expected, found=found, fix=_FIX_OPTIONS)
    else:
        return
    raise ModelError(start.where, expected=expected, found=found, fix=_FIX)


def _other_options(fresh: Baseline, start: Baseline) -> list[str]:
    """Return the options that do not come from the data and that differ."""
    names = [name for name in fresh.options if name not in _OF_DATA]
    return [name for name in names if start.options.get(name) != fresh.options[name]]


def _other_inputs(start: Model, dataset: ShardDataset) -> tuple[str, str] | None:
    return find_modality(dataset.kind).other_inputs(dataset.preprocessor, start.preprocessor)


def _map_rows(ours: Tensor, theirs: Tensor, vocab: Vocab, start: Vocab) -> Tensor:
    """Return our table with the rows of another table: those of known tokens, and all that follow.

    Args:
        ours: Our table [tokens + rest, width].
        theirs: The other table [other tokens + rest, width].
        vocab: The vocabulary of our table.
        start: The vocabulary of the other table.
    """
    numbers, unknown = start.get_stoi(), start.get_default_index()
    fresh = -1 if unknown is None else unknown
    rows = torch.tensor([numbers.get(token, fresh) for token in vocab.get_itos()])
    table = ours[: len(rows)].clone()
    table[rows >= 0] = theirs[rows[rows >= 0]]
    return torch.cat([table, theirs[len(start) :]])
