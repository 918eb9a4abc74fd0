"""torchdata and Lightning resume a loader."""

from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from loader_cases import (
    RowKey,
    equal,
    every_case,
    open_case,
    rows_by_number,
    rows_of,
    workers_or_none,
)
from torch import Tensor, nn
from torchdata.stateful_dataloader import StatefulDataLoader

from shardmill import ShardDataset

# torch and Lightning advise much.
pytestmark = [
    pytest.mark.filterwarnings(f"ignore::{category}")
    for category in ("UserWarning", "FutureWarning", "DeprecationWarning")
]


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
