"""Writes learned features for TensorBoard: a cloud of points, and files for its projector."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.tensorboard import SummaryWriter

from shardmill.datasets.dataset import ShardDataset
from shardmill.format.batch import Bag
from shardmill.text.vocab import Vocab
from shardmill.training.modalities.find_modality import find_modality
from shardmill.training.show.draw_rows import visible
from shardmill.training.show.find_display import find_display
from shardmill.training.show.shown_rows import Seen, principal_components

_COMPONENTS = 64  # a browser reads the projector's points as text, so fewer numbers load faster
_TOKENS = 2_000
_SPRITE = 48  # pixels of a side; a whole sheet may have 8,192


def write_cloud(
    writer: SummaryWriter, tag: str, points: Tensor, colours: Any, *, step: int
) -> None:
    """Write points [n, 3] as a mesh without faces, in colours, uint8 [n, 3]."""
    vertices = points / points.abs().max().clamp(min=1e-12) * 10
    writer.add_mesh(
        tag,
        vertices=vertices[None],
        colors=torch.from_numpy(colours)[None],
        config_dict={"material": {"cls": "PointsMaterial", "size": 0.15}},
        global_step=step,
    )


def write_projector(
    writer: SummaryWriter, seen: Seen, dataset: ShardDataset, model: nn.Module, *, step: int
) -> None:
    """Write the features of rows, with pictures if there are any; for texts, also of tokens.

    Features of more than 64 dimensions are reduced to their first 64 principal components.
    """
    features = seen.features
    if features.shape[1] > _COMPONENTS:
        features = principal_components(features, _COMPONENTS)
    rows = [seen.numbers[point] for point in seen.points]
    display = find_display(dataset)
    names = display.words(dataset, seen.truth[seen.points])
    guesses = display.words(dataset, seen.guess[seen.points])
    lines = [
        (_cell(name), _cell(said), str(row))
        for name, said, row in zip(names, guesses, rows, strict=True)
    ]
    x = dataset[rows][0]
    writer.add_embedding(
        features,
        metadata=lines,
        metadata_header=[display.TRUTH, "predicted", "row"],
        label_img=_sprites(x) if find_modality(dataset.kind).PICTURES else None,
        global_step=step,
        tag=f"features/{dataset.split}",
    )
    table = getattr(model, "embedding", None)
    vocab = find_modality(dataset.kind).vocabulary(dataset)
    if vocab is not None and isinstance(table, nn.Embedding | nn.EmbeddingBag):
        bags: list[Bag] = list(x.values()) if isinstance(x, Mapping) else [x]
        ids = torch.cat([bag.ids for bag in bags])
        _write_tokens(writer, vocab, ids, table, step=step)


def _write_tokens(
    writer: SummaryWriter,
    vocab: Vocab,
    shown: Tensor,
    table: nn.Embedding | nn.EmbeddingBag,
    *,
    step: int,
) -> None:
    # Writes the most frequent tokens of the rows that are shown, whose ids are `shown`.
    counts = torch.bincount(shown.long())
    order = counts.argsort(descending=True, stable=True)[:_TOKENS]
    ids = order[counts[order] > 0]
    if not len(ids):
        return
    tokens = vocab.lookup_tokens(ids.tolist())
    lines = [(_cell(t), str(n)) for t, n in zip(tokens, counts[ids].tolist(), strict=True)]
    writer.add_embedding(
        table.weight.detach()[ids.to(table.weight.device)].float().cpu(),
        metadata=lines,
        metadata_header=["token", "times"],
        global_step=step,
        tag="tokens",
    )


def _sprites(images: Tensor) -> Tensor:
    """Return images [n, c, h, w] as squares, [n, 3, side, side] in 0 to 1."""
    side = min(max(images.shape[2:]), _SPRITE)
    shares = torch.from_numpy(visible(images)).permute(0, 3, 1, 2).float() / 255
    return functional.interpolate(shares, (side, side), mode="bilinear", antialias=True)


def _cell(text: Any) -> str:
    return " ".join(str(text).split()) or "-"  # a tab or a line feed would make another cell
