"""Gives a fresh model what a trained one has learnt (transfer learning)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from shardmill import ModelError, Preprocessor, ShardDataset, TextDataset, Vocab
from shardmill.training.baseline import Baseline
from shardmill.training.input_terms import first_difference, input_terms
from shardmill.training.load_model import Model

# What a backbone knows of the data that it is given, and has not learnt from gradients.
_OF_DATA = ("mean", "std", "token_hashes")
_FIX = "start from another model, or train a fresh one"


@dataclass(frozen=True, slots=True)
class Started:
    """What came over from a trained model.

    Attributes:
        head: the classes are the same, and so the head came over too.
        known: how many tokens of the vocabulary the trained model knows; None without one.
    """

    head: bool
    known: int | None

    def __str__(self) -> str:
        known = "" if self.known is None else f"; it knows {self.known:,} tokens"
        return f"with {'its' if self.head else 'a fresh'} head{known}"


def start_model(fresh: Baseline, start: Model, dataset: ShardDataset) -> tuple[Baseline, Started]:
    """Return a model for a dataset with the backbone of a trained model.

    Its head is fresh, unless the classes are the same. Pixels and numbers are standardised by the
    dataset's own statistics. Images of another size are brought to that of the trained model. A
    token that the trained model does not know begins as what it took it for: its unknown token, or
    else as a fresh one.

    Args:
        fresh: a model for the dataset.
        start: the trained one.
        dataset: the train split.

    Raises:
        ModelError: the trained model is of another kind or architecture, or knows other columns.
    """
    _check_same(fresh, start, dataset)
    if "shape" in fresh.options:
        options = {**fresh.options, "shape": start.module.options["shape"]}
        fresh = Baseline(fresh.architecture, options, fresh.classes)
    state = fresh.state_dict()
    learnt = start.module.state_dict()
    head = start.classes == dataset.classes
    known = None
    for name, tensor in learnt.items():
        if name.rpartition(".")[2] in _OF_DATA or (name.startswith("head.") and not head):
            continue
        vocab = start.preprocessor.fitted.vocab
        if name == "backbone.embedding.weight" and isinstance(dataset, TextDataset) and vocab:
            known = sum(token in vocab for token in dataset.vocab.get_itos())
            tensor = _map_rows(state[name], tensor, dataset.vocab, vocab)
        if state[name].shape != tensor.shape:
            raise ModelError(
                f"{start.folder}, tensor {name}",
                expected=f"a shape of {list(state[name].shape)}, as {dataset.path} needs",
                found=str(list(tensor.shape)),
                fix=_FIX,
            )
        state[name] = tensor
    fresh.load_state_dict(state)
    return fresh, Started(head, known)


def _check_same(fresh: Baseline, start: Model, dataset: ShardDataset) -> None:
    kind = dataset.manifest.kind
    if start.facts.kind != kind:
        expected, found = f"a model of kind {kind}, as {dataset.path} is", f"{start.facts.kind}"
    elif start.module.architecture != fresh.architecture:
        expected, found = f"a model with {fresh.architecture}", start.module.architecture
    elif kind == "tabular" and (different := _columns(start, dataset)):
        expected, found = f"{different[0]}, as {dataset.path} has", different[1]
    else:
        return
    raise ModelError(start.folder, expected=expected, found=found, fix=_FIX)


def _columns(start: Model, dataset: ShardDataset) -> tuple[str, str] | None:
    names = ("fields", "features", "categories")
    here, there = input_terms(Preprocessor.load(dataset.path)), input_terms(start.preprocessor)
    return first_difference({n: here[n] for n in names}, {n: there[n] for n in names})


def _map_rows(ours: Tensor, theirs: Tensor, vocab: Vocab, start: Vocab) -> Tensor:
    """Return a table whose rows of tokens, and of whatever follows them, are those of another.

    Args:
        ours: [tokens + rest, width].
        theirs: [other tokens + rest, width].
        vocab: of ours.
        start: of theirs.
    """
    numbers, unknown = start.get_stoi(), start.get_default_index()
    fresh = -1 if unknown is None else unknown
    rows = torch.tensor([numbers.get(token, fresh) for token in vocab.get_itos()])
    table = ours[: len(rows)].clone()
    table[rows >= 0] = theirs[rows[rows >= 0]]
    return torch.cat([table, theirs[len(start) :]])
