"""Tables in training."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim

from shardmill.datasets.dataset import ShardDataset
from shardmill.datasets.tabular import TabularDataset
from shardmill.format.manifest import Manifest
from shardmill.serve.preprocessor import Preprocessor
from shardmill.text.vocab import Vocab
from shardmill.training.modalities.named_tensors import (
    OfNamedTensors,
    example_bags,
    named_shapes,
)
from shardmill.training.models.agreement import first_difference, input_terms
from shardmill.training.models.baseline import Baseline
from shardmill.training.models.tabular_mlp import TabularMlp
from shardmill.training.settings.model_options import ModelOptions

PICTURES = False

# The parts of times that come round again, with their first and last number.
_PARTS: Mapping[str, list[int]] = {"month": [1, 12], "weekday": [0, 6], "hour": [0, 23]}


def open_options(manifest: Manifest) -> dict[str, Any]:
    """Return that texts are bags, if there are some."""
    return {} if manifest.vocabulary is None else {"layout": "bag"}


def backbone_options(
    dataset: ShardDataset,
    model: ModelOptions,  # noqa: ARG001
    *,
    shape: Sequence[int] | None,  # noqa: ARG001
) -> dict[str, Any]:
    """Return the mean and deviation of each feature, the codes of categories, and the groups.

    If there are texts, it returns their names and how many tokens the vocabulary has, too.
    """
    assert isinstance(dataset, TabularDataset)  # noqa: S101  its kind says so
    facts = [dataset.statistics[name] for name in dataset.features]
    ends = dict(_ends_of_codes(dataset))
    vocab = dataset.vocab
    of_texts = {} if vocab is None else {"texts": list(dataset.texts), "tokens": len(vocab)}
    return {
        **of_texts,
        "mean": [fact.mean or 0.0 for fact in facts],
        "std": [fact.std or 0.0 for fact in facts],
        "codes": [[n, *ends[name]] for n, name in enumerate(dataset.features) if name in ends],
        "groups": list(dataset.groups),
    }


def _ends_of_codes(dataset: TabularDataset[Any]) -> Iterator[tuple[str, list[int]]]:
    """Yield the features whose numbers are mere codes, with the first and the last code.

    These are the numbers of texts, if there is no gap between them, and the parts of times that
    come round again. Other whole numbers stay numbers: as embeddings they did worse on held-out
    rows.
    """
    for name, numbers in dataset.categories.items():
        codes = sorted(numbers.values())
        if codes == list(range(codes[0], codes[0] + len(codes))):
            yield name, [codes[0], codes[-1]]
    for column in dataset.manifest.recipe["columns"]:
        for part in column.get("parts", ()):
            if part in _PARTS:
                yield f"{column['name']}.{part}", _PARTS[part]


def prime_backbone(backbone: nn.Module, dataset: ShardDataset) -> None:
    """Give the words of texts the hash of each token. All else is in the options."""
    if isinstance(backbone, TabularMlp) and backbone.words is not None:
        vocab = vocabulary(dataset)
        backbone.words.hash_tokens([] if vocab is None else vocab.get_itos())


def vocabulary(dataset: ShardDataset) -> Vocab | None:
    """Return the vocabulary of texts; None if there are none."""
    assert isinstance(dataset, TabularDataset)  # noqa: S101  its kind says so
    return dataset.vocab


def other_inputs(ours: Preprocessor, theirs: Preprocessor) -> tuple[str, str] | None:
    """Return the first fact in which columns differ; pixels and tokens have no such facts."""
    names = ("fields", "features", "numbers of texts", "categories")
    here, there = input_terms(ours), input_terms(theirs)
    return first_difference({n: here[n] for n in names}, {n: there[n] for n in names})


def example_inputs(preprocessor: Preprocessor, rows: int, draw: torch.Generator) -> Any:
    """Return a tensor [rows, f], or a dict of them by group.

    A category has numbers that the recipe gives. Other numbers have the mean and the deviation
    that they have in the train split. Texts are bags.
    """
    names = iter(preprocessor.fitted.features)
    tensors: dict[str | None, Any] = {}
    for field in preprocessor.fitted.inputs:
        if field.ragged:
            continue
        columns = [_column(preprocessor, next(names), rows, draw) for _ in range(field.shape[0])]
        tensors[field.group] = torch.stack(columns, 1).to(getattr(torch, field.dtype))
    tensors |= example_bags(preprocessor, rows, draw)
    return tensors.get(None, tensors)


def _column(preprocessor: Preprocessor, name: str, rows: int, draw: torch.Generator) -> Tensor:
    """Return the values [rows] float64 of a feature."""
    facts = preprocessor.fitted.statistics.get(name)
    columns: Any = preprocessor.recipe.columns  # type: ignore[union-attr]
    spelt = columns[name].map if name in columns else None  # a part of a time is no column
    if facts is not None and facts.categories:
        numbers = list(range(len(facts.categories)))
    else:
        numbers = sorted(spelt.values()) if spelt else []
    if numbers:
        return torch.tensor(numbers, dtype=torch.float64)[
            torch.randint(len(numbers), (rows,), generator=draw)
        ]
    values = torch.randn(rows, generator=draw, dtype=torch.float64)
    if facts is None:
        return values
    return values * (facts.std or 1.0) + (facts.mean or 0.0)


def exportable(module: nn.Module) -> nn.Module:
    """Return a module that takes one tensor, or a dict of them, as of the tensors of texts."""
    texts = module.options.get("texts") if isinstance(module, Baseline) else None
    return OfNamedTensors(module, texts) if texts else module


def dynamic_shapes(x: Any) -> tuple[Any, ...]:
    """Return that the number of rows varies, of every tensor, and that of ids."""
    return named_shapes(x) if isinstance(x, dict) else ({0: Dim("b")},)
