"""Datasets and loaders inside what users have: torch, torchdata, Lightning."""

from collections import Counter
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import Tensor, nn
from torch.utils.data import ConcatDataset, DataLoader, Subset, random_split
from torchdata.stateful_dataloader import StatefulDataLoader

import shardmill
from shardmill import Bag, Padded, ShardDataset

# torch and Lightning advise much.
pytestmark = [
    pytest.mark.filterwarnings(f"ignore::{category}")
    for category in ("UserWarning", "FutureWarning", "DeprecationWarning")
]

RowKey = tuple[bytes, int]

# name -> artifact, split, another split, options
CASES: dict[str, tuple[str, str, str, dict[str, Any]]] = {
    "images": ("mnist", "validation", "test", {}),
    "tabular": ("titanic", "validation", "train", {}),
    "padded": ("ag_news", "test", "train", {}),
    "bag": ("ag_news", "test", "train", {"layout": "bag"}),
    "jagged": ("ag_news", "test", "train", {"layout": "jagged"}),
}
FORK: dict[str, Any] = {"num_workers": 2, "multiprocessing_context": "fork"}
SPAWN: dict[str, Any] = {"num_workers": 2, "multiprocessing_context": "spawn"}
LASTING = {"persistent_workers": True}

every_case = pytest.mark.parametrize("case", CASES)
workers_or_none = pytest.mark.parametrize("workers", [0, 2])


def open_case(artifacts: Path, case: str, **options: Any) -> ShardDataset:
    name, split, _, layout = CASES[case]
    dataset: ShardDataset = shardmill.open(artifacts / name, split, **layout, **options)
    return dataset


def tensors(batch: Any) -> list[Tensor]:
    """Return the plain tensors that a batch is made of."""
    if isinstance(batch, Tensor):
        nested: Any = batch
        return [nested.values(), nested.offsets()] if batch.is_nested else [batch]
    return [tensor for part in batch for tensor in tensors(part)]


def equal(a: list[Any], b: list[Any]) -> bool:
    """Say whether batches are equal, and their inputs laid out alike."""
    pairs = list(zip(tensors(a), tensors(b), strict=True))
    types = [[type(x) for x, _ in batches] for batches in (a, b)]
    return types[0] == types[1] and all(x.dtype == y.dtype and x.equal(y) for x, y in pairs)


def row_key(x: Tensor, y: Any) -> RowKey:
    return x.numpy().tobytes(), int(y)


def rows_of(batches: Iterable[Any]) -> list[RowKey]:
    """Return what tells the rows of batches apart, whatever their layout."""
    return [row_key(*row) for x, y in batches for row in zip(cut(x), y, strict=True)]


def cut(x: Any) -> Iterable[Tensor]:
    if isinstance(x, Padded):
        return (ids[:length] for ids, length in zip(x.ids, x.lengths.tolist(), strict=True))
    return x.ids.tensor_split(x.offsets[1:]) if isinstance(x, Bag) else x.unbind()


def rows_by_number(ds: Any) -> list[RowKey]:
    return [row_key(*ds[row]) for row in range(len(ds))]


@pytest.mark.parametrize(
    ("case", "options"),
    [
        *((case, options) for case in CASES for options in ({}, FORK, FORK | LASTING)),
        *((case, SPAWN | LASTING) for case in ("images", "tabular", "padded")),
    ],
)
def test_a_plain_shuffled_loader_gives_every_row_once(
    sample_artifacts: Path, case: str, options: dict[str, Any]
) -> None:
    ds = open_case(sample_artifacts, case)
    expected = rows_by_number(ds)
    loader = DataLoader(ds, batch_size=64, shuffle=True, **options)
    epochs = [list(loader) for _ in range(2)]
    for epoch in epochs:
        assert [type(x) for x, _ in epoch] == [type(ds[:1][0])] * len(loader)
        assert Counter(rows_of(epoch)) == Counter(expected)
    assert rows_of(epochs[0]) != rows_of(epochs[1])


@every_case
@workers_or_none
def test_pinned_memory_is_for_accelerators_alone(
    sample_artifacts: Path, case: str, workers: int
) -> None:
    ds = open_case(sample_artifacts, case)
    options: dict[str, Any] = {"batch_size": 300, "pin_memory": True, "num_workers": workers}
    for loader in (DataLoader(ds, **options), ds.loader(**options)):
        batches = list(loader)
        assert rows_of(batches) == rows_by_number(ds)
        pinned = {tensor.is_pinned() for tensor in tensors(batches)}
        accelerator = getattr(torch, "accelerator", torch.cuda)  # of torch 2.6
        assert pinned == {accelerator.is_available()}


@every_case
def test_a_collate_function_of_ones_own_is_given_rows(sample_artifacts: Path, case: str) -> None:
    ds = open_case(sample_artifacts, case)
    for loader in (DataLoader(ds, 64, collate_fn=list), ds.loader(64, collate_fn=list)):
        rows = [row_key(x, y) for batch in loader for x, y in batch]
        assert rows == rows_by_number(ds)


@every_case
def test_parts_of_a_dataset(sample_artifacts: Path, case: str) -> None:
    ds = open_case(sample_artifacts, case)
    expected = rows_by_number(ds)
    odd = DataLoader(Subset(ds, range(1, len(ds), 2)), batch_size=30)
    assert rows_of(odd) == expected[1::2]
    parts = random_split(ds, [0.3, 0.7], generator=torch.Generator().manual_seed(0))
    drawn = [rows_of(DataLoader(part, batch_size=30, shuffle=True)) for part in parts]
    assert [len(rows) for rows in drawn] == [len(part) for part in parts]
    assert Counter(drawn[0] + drawn[1]) == Counter(expected)


@every_case
def test_torchs_concatenation_of_two_splits(sample_artifacts: Path, case: str) -> None:
    name, split, other, options = CASES[case]
    splits = [shardmill.open(sample_artifacts / name, s, **options) for s in (split, other)]
    loader: DataLoader[Any] = DataLoader(ConcatDataset(splits), batch_size=64)
    batches = list(loader)
    assert rows_of(batches) == [*rows_by_number(splits[0]), *rows_by_number(splits[1])]
    assert equal(batches[:1], [splits[0][:64]])


@every_case
def test_the_loader_is_torchs_and_samples_index_tensors(sample_artifacts: Path, case: str) -> None:
    ds = open_case(sample_artifacts, case)
    loader = ds.loader(30, shuffle=True)
    assert isinstance(loader, DataLoader)
    order: Any = loader.batch_sampler
    indices = list(order)
    assert {(rows.dtype, rows.ndim) for rows in indices} == {(torch.int64, 1)}
    assert len(indices) == len(loader) == -(-len(ds) // 30)
    order.set_epoch(0)
    assert equal([ds[rows] for rows in indices], list(loader))


@every_case
@workers_or_none
def test_batches_are_the_loops_own(sample_artifacts: Path, case: str, workers: int) -> None:
    ds = open_case(sample_artifacts, case)
    shards = sorted(ds.path.glob("*/*.safetensors"))
    before = [shard.read_bytes() for shard in shards]
    expected = list(open_case(sample_artifacts, case).loader(30))
    loader = ds.loader(30, num_workers=workers)
    for _ in range(2):
        for batch, unchanged in zip(loader, expected, strict=True):
            assert equal([batch], [unchanged])
            for tensor in tensors(batch):
                assert tensor.is_contiguous()
                assert tensor.numpy().flags.writeable
                tensor.fill_(3)
    assert [shard.read_bytes() for shard in shards] == before


@pytest.mark.parametrize(
    ("case", "layer"),
    [
        ("tabular", lambda x: nn.Linear(7, 2)(x)),
        ("padded", lambda x: nn.Embedding(50_000, 2)(x.ids)),
        ("bag", lambda x: nn.EmbeddingBag(50_000, 2)(x.ids, x.offsets)),
    ],
)
def test_a_change_to_one_batch_is_none_to_what_autograd_kept_of_another(
    sample_artifacts: Path, case: str, layer: Callable[[Any], Tensor]
) -> None:
    (x, _), following = islice(open_case(sample_artifacts, case).loader(30), 2)
    loss = layer(x).sum()
    for tensor in tensors(following):
        tensor.zero_()
    torch.autograd.backward(loss)


@every_case
def test_workers_change_neither_batches_nor_their_order(sample_artifacts: Path, case: str) -> None:
    ds = open_case(sample_artifacts, case)
    alone = ds.loader(30, shuffle=True, seed=3)
    shared = ds.loader(30, shuffle=True, seed=3, num_workers=2, persistent_workers=True)
    for _ in range(2):
        assert equal(list(shared), list(alone))


@workers_or_none
@every_case
def test_torchdata_resumes_in_the_middle_of_the_second_epoch(
    sample_artifacts: Path, case: str, workers: int
) -> None:
    def stateful() -> StatefulDataLoader[Any]:
        ds = open_case(sample_artifacts, case)
        own = ds.loader(30, shuffle=True, seed=2)
        return StatefulDataLoader(
            ds, batch_sampler=own.batch_sampler, collate_fn=own.collate_fn, num_workers=workers
        )

    first = stateful()
    list(first)
    running = iter(first)
    seen = list(islice(running, 3))
    state = first.state_dict()
    rest = list(running)
    assert len(seen) + len(rest) == len(first)
    second = stateful()
    second.load_state_dict(state)
    assert equal(list(second), rest)
    assert equal(list(second), list(first))


class RowRecorder(LightningModule):
    """Keeps the rows that each stage was given, by stage and epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))
        self.seen: dict[tuple[str, int], list[RowKey]] = {}

    def record(self, stage: str, batch: Any) -> Tensor:
        self.seen.setdefault((stage, self.current_epoch), []).extend(rows_of([batch]))
        return self.weight * len(batch[1])

    def training_step(self, batch: Any, index: int) -> Tensor:
        return self.record("train", batch)

    def validation_step(self, batch: Any, index: int) -> None:
        self.record("validate", batch)

    def test_step(self, batch: Any, index: int) -> None:
        self.record("test", batch)

    def predict_step(self, batch: Any, index: int) -> list[RowKey]:
        return rows_of([batch])

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.0)


def trainer(**options: Any) -> Trainer:
    options = {"enable_checkpointing": False, "num_sanity_val_steps": 0, **options}
    options |= {"enable_progress_bar": False, "enable_model_summary": False, "logger": False}
    return Trainer(accelerator="cpu", devices=1, **options)


@torch.inference_mode()
def moves_in_inference_mode(ds: ShardDataset) -> bool:
    x, _ = ds[:2]
    try:
        x.to("cpu")
    except NotImplementedError:
        return False
    return True


@every_case
def test_lightning_gives_every_row_once_an_epoch(sample_artifacts: Path, case: str) -> None:
    ds = open_case(sample_artifacts, case)
    if case == "jagged" and not moves_in_inference_mode(ds):
        pytest.skip("this torch cannot move jagged tensors in inference mode")
    expected = rows_by_number(ds)
    module = RowRecorder()
    trainer(max_epochs=2).fit(module, ds.loader(64, shuffle=True), ds.loader(300))
    trainer().test(module, ds.loader(300), verbose=False)
    for epoch in range(2):
        assert Counter(module.seen["train", epoch]) == Counter(expected)
        assert module.seen["validate", epoch] == expected
    assert module.seen["train", 0] != module.seen["train", 1]
    assert module.seen["test", 0] == expected
    predictions: Any = trainer().predict(module, ds.loader(64))
    assert [row for batch in predictions for row in batch] == expected


@pytest.mark.parametrize("options", [{}, {"prefetch": 2}, {"num_workers": 2}])
def test_lightning_resumes_at_the_next_batch(
    sample_artifacts: Path, tmp_path: Path, options: dict[str, Any]
) -> None:
    def fit(*, checkpoint: Path | None = None, **limits: Any) -> list[RowKey]:
        ds = open_case(sample_artifacts, "padded")
        module = RowRecorder()
        every_batch = ModelCheckpoint(tmp_path, "{step}", every_n_train_steps=1, save_top_k=-1)
        of_trainer = {"enable_checkpointing": True, "callbacks": [every_batch], **limits}
        loaders = ds.loader(100, shuffle=True, seed=4, **options), ds.loader(300)
        trainer(**of_trainer).fit(module, *loaders, ckpt_path=checkpoint)
        return [row for (stage, _), rows in module.seen.items() if stage == "train" for row in rows]

    everything = fit(max_epochs=3)
    assert len(everything) == 3 * 1000
    stopped = fit(max_steps=13)
    assert stopped == everything[:1300]
    for step in (4, 10, 13):
        resumed = fit(max_epochs=3, checkpoint=tmp_path / f"step={step}.ckpt")
        assert resumed == everything[step * 100 :], step


def test_lightning_resumes_at_the_next_epoch(sample_artifacts: Path, tmp_path: Path) -> None:
    def fit(epochs: int, checkpoint: Path | None = None) -> dict[tuple[str, int], list[RowKey]]:
        ds = open_case(sample_artifacts, "padded")
        module = RowRecorder()
        of_epochs = ModelCheckpoint(
            tmp_path, "{epoch}", save_top_k=-1, save_on_train_epoch_end=True
        )
        options = {"enable_checkpointing": True, "callbacks": [of_epochs], "max_epochs": epochs}
        trainer(**options).fit(
            module, ds.loader(100, shuffle=True, seed=4), ds.loader(300), ckpt_path=checkpoint
        )
        return module.seen

    everything = fit(3)
    for epoch in range(2):
        resumed = fit(3, tmp_path / f"epoch={epoch}.ckpt")
        for later in range(epoch + 1, 3):
            assert resumed["train", later] == everything["train", later], (epoch, later)
