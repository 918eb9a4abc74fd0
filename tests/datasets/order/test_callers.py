"""What Accelerate and Lightning are given by orders and loaders: right rows, or an error."""

import weakref
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from loader_cases import rows_by_number, rows_of
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torchdata.stateful_dataloader import StatefulDataLoader

import shardmill
from shardmill import DividedTwiceError, ShardDataset
from shardmill.datasets.order.epoch_order import EpochOrder
from shardmill.datasets.order.row_order import InOrder

pytestmark = [
    pytest.mark.filterwarnings(f"ignore::{category}")
    for category in ("UserWarning", "FutureWarning", "DeprecationWarning")
]

SAID = (
    r"accelerator\.prepare: expected the loader that ds\.loader returns, found a DataLoader with "
    r"only its batch_sampler, .*; call accelerator\.prepare\(ds\.loader\(\.\.\.\)\)"
)


@pytest.fixture
def table(sample_artifacts: Path) -> ShardDataset:
    opened: ShardDataset = shardmill.open(sample_artifacts / "titanic")
    return opened


@pytest.fixture
def accelerate() -> Iterator[Any]:
    """The library, whose state of processes is forgotten after the test."""
    library = pytest.importorskip("accelerate")
    yield library
    for state in (library.state.AcceleratorState, library.state.GradientState):
        state._reset_state()
    library.PartialState._reset_state()


def plain(table: ShardDataset, **options: Any) -> DataLoader[Any]:
    order: Any = table.loader(64, shuffle=True, **options).batch_sampler
    return DataLoader(table, batch_sampler=order)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"even_batches": False},
        {"split_batches": True},
        {"use_seedable_sampler": True},
        {"dispatch_batches": True, "put_on_device": True},
    ],
)
@pytest.mark.parametrize("rank", [{}, {"rank": 1, "world_size": 2}])
def test_accelerate_divides_no_batch_sampler(
    table: ShardDataset, accelerate: Any, options: dict[str, Any], rank: dict[str, int]
) -> None:
    part = {"num_processes": 2, "process_index": 1}
    with pytest.raises(DividedTwiceError, match=SAID):
        accelerate.data_loader.prepare_data_loader(plain(table, **rank), **part, **options)


@pytest.mark.parametrize("wraps", [1, 2])
def test_accelerate_cannot_divide_batches_by_hand(accelerate: Any, wraps: int) -> None:
    wrapped: Any = EpochOrder(InOrder(10), 3)
    for _ in range(wraps - 1):
        wrapped = accelerate.data_loader.SkipBatchSampler(wrapped)
    shard = accelerate.data_loader.BatchSamplerShard(wrapped, num_processes=2)
    with pytest.raises(DividedTwiceError, match=SAID):
        next(iter(shard))


def test_accelerate_leaves_a_loader_as_it_is(table: ShardDataset, accelerate: Any) -> None:
    accelerator = accelerate.Accelerator(cpu=True)
    every: list[dict[str, Any]] = [{}, {"num_workers": 1}, {"rank": 1, "world_size": 2}]
    for options in every:
        loader: Any = table.loader(64, **options)
        assert accelerator.prepare(loader) is loader
    assert rows_of(accelerator.prepare(table.loader(64, num_workers=1))) == rows_by_number(table)


def test_accelerate_with_one_process_takes_a_batch_sampler(
    table: ShardDataset, accelerate: Any
) -> None:
    loader = accelerate.Accelerator(cpu=True).prepare(plain(table))
    epochs = [rows_of(loader) for _ in range(2)]
    assert Counter(epochs[0]) == Counter(epochs[1]) == Counter(rows_by_number(table))
    assert epochs[0] != epochs[1]


def test_accelerate_divides_loaders_that_torch_makes(table: ShardDataset, accelerate: Any) -> None:
    parts = [
        accelerate.data_loader.prepare_data_loader(
            DataLoader(table, batch_size=64),
            num_processes=2,
            process_index=rank,
            even_batches=False,
        )
        for rank in range(2)
    ]
    rows = [rows_of(part) for part in parts]
    assert Counter(rows[0] + rows[1]) == Counter(rows_by_number(table))


def overfitting(rows: list[Any], validated: list[Any]) -> Any:
    """Return a Lightning module that notes the batches it is given, by epoch."""
    lightning = pytest.importorskip("lightning")

    class Noting(lightning.LightningModule):  # type: ignore[name-defined,misc]
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(()))

        def training_step(self, batch: Any) -> Tensor:
            rows.append((self.current_epoch, rows_of([batch])))
            return self.weight * len(batch[1])

        def validation_step(self, batch: Any) -> None:
            validated.append((self.current_epoch, rows_of([batch])))

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.SGD(self.parameters(), lr=0.0)

    return Noting()


def fit(
    train: Any, validation: Any, *, checkpoint: Path | None = None, **options: Any
) -> tuple[list[Any], list[Any]]:
    """Return for each of three epochs the batches that Lightning trained and validated on."""
    lightning = pytest.importorskip("lightning")
    quiet = ("enable_progress_bar", "enable_model_summary", "logger", "enable_checkpointing")
    noted: tuple[list[Any], list[Any]] = ([], [])
    trainer = lightning.Trainer(
        accelerator="cpu",
        devices=1,
        max_epochs=3,
        num_sanity_val_steps=0,
        **(dict.fromkeys(quiet, False) | options),
    )
    trainer.fit(overfitting(*noted), train, validation, ckpt_path=checkpoint)
    by_epoch = [
        [[rows for at, rows in batches if at == epoch] for epoch in range(3)] for batches in noted
    ]
    return by_epoch[0], by_epoch[1]


LOADERS: dict[str, dict[str, Any]] = {
    "shuffle": {"shuffle": True},
    "blocks": {"shuffle": "blocks"},
    "weights": {"weights": "balanced"},
    "prefetch": {"shuffle": True, "prefetch": 2},
    "workers": {"shuffle": True, "num_workers": 1, "persistent_workers": True},
    "in order": {},
}


@pytest.mark.parametrize("loader", LOADERS)
@pytest.mark.parametrize("batches", [3, 0.5])
def test_overfit_batches_are_the_same_in_each_epoch(
    table: ShardDataset, loader: str, batches: float
) -> None:
    loaders = table.loader(64, **LOADERS[loader]), table.loader(64, seed=1, shuffle=True)
    count = batches if isinstance(batches, int) else int(len(loaders[0]) * batches)
    for epochs in fit(*loaders, overfit_batches=batches):
        assert [len(epoch) for epoch in epochs] == [count] * 3
        assert epochs[0] == epochs[1] == epochs[2]
    # The place counts on, so that a checkpoint resumes where it was taken.
    state = loaders[0].state_dict()
    assert (state["epoch"], state["row"]) == (2, count * 64)


@pytest.mark.parametrize("make", [DataLoader, StatefulDataLoader])
def test_overfit_batches_of_a_batch_sampler(table: ShardDataset, make: Any) -> None:
    own = table.loader(64, shuffle=True)
    train, _ = fit(make(table, batch_sampler=own.batch_sampler), None, overfit_batches=3)
    assert train[0] == train[1] == train[2] != []


def test_without_overfit_batches_epochs_differ(table: ShardDataset) -> None:
    train, _ = fit(table.loader(64, shuffle=True), None, limit_train_batches=3)
    assert [len(epoch) for epoch in train] == [3] * 3
    assert train[0] != train[1] != train[2] != train[0]


def test_overfitting_resumes_where_it_stopped(table: ShardDataset, tmp_path: Path) -> None:
    callbacks = pytest.importorskip("lightning.pytorch.callbacks")

    def rows(checkpoint: Path | None = None, **limits: Any) -> list[Any]:
        every_batch = callbacks.ModelCheckpoint(
            tmp_path, "{step}", every_n_train_steps=1, save_top_k=-1
        )
        options = {"enable_checkpointing": True, "callbacks": [every_batch], **limits}
        loader = table.loader(64, shuffle=True)
        train, _ = fit(loader, None, checkpoint=checkpoint, overfit_batches=3, **options)
        return [batch for epoch in train for batch in epoch]

    everything = rows()
    assert len(everything) == 9
    assert rows(max_steps=5) == everything[:5]
    for step in (2, 3, 5):
        assert rows(tmp_path / f"step={step}.ckpt") == everything[step:]


@pytest.mark.usefixtures("accelerate")
def test_variables_of_callers_are_not_kept(table: ShardDataset) -> None:
    pytest.importorskip("lightning.pytorch")
    mine = torch.zeros(3)
    alive = weakref.ref(mine)
    next(iter(table.loader(64, shuffle=True)))
    del mine
    assert alive() is None
