"""Builds say how far they are: by task, or whenever they are asked."""

from collections.abc import Callable
from pathlib import Path

import pytest
from small_parts import RECIPE, SMALL, build, contents, csv_rows

from shardmill.pipeline.builds.ticks import Ticks
from shardmill.pipeline.stages.shard_split import TICK_ROWS


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    folder = tmp_path / "raw"
    folder.mkdir()
    (folder / "train.csv").write_text("".join(csv_rows(9_000)), encoding="utf-8")
    return folder


def test_pieces_are_counted(tmp_path: Path) -> None:
    ticks = Ticks(tmp_path / "ticks")
    assert ticks.count() == 0
    ticks.add()
    Ticks(tmp_path / "ticks").add(3)
    assert ticks.count() == 4


def test_what_cannot_be_written_is_not_counted(tmp_path: Path) -> None:
    ticks = Ticks(tmp_path / "none" / "ticks")
    ticks.add()
    assert ticks.count() == 0


def test_progress_by_task(raw: Path, tmp_path: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    build(RECIPE, raw, tmp_path / "out", sizes=SMALL, progress=lambda *step: seen.append(step))
    labels = list(dict.fromkeys(label for label, _, _ in seen))
    assert labels == ["toy clean train, validation", "toy fit", "toy shard train, validation"]
    for label in (labels[0], labels[2]):
        steps = [(done, total) for each, done, total in seen if each == label]
        assert [done for done, _ in steps] == list(range(len(steps)))
        assert steps[-1][0] == steps[-1][1]


@pytest.mark.parametrize("workers", [1, 2])
def test_progress_by_piece(raw: Path, tmp_path: Path, workers: int) -> None:
    asked: dict[str, list[int]] = {}
    totals: dict[str, int] = {}
    counting: list[tuple[str, Callable[[], int]]] = []

    def watch(label: str, ask: Callable[[], int], total: int) -> None:
        counting.append((label, ask))
        totals[label] = total

    def progress(label: str, done: int, total: int) -> None:
        for each, ask in counting[-1:]:  # at the end of a stage, what was counted is still there
            if each == label and done == total:
                asked.setdefault(label, []).append(ask())

    calls = {"progress": progress, "watch": watch}
    built = build(RECIPE, raw, tmp_path / "out", sizes=SMALL, workers=workers, **calls)
    cleaned, sharded = totals
    assert (cleaned, sharded) == ("toy clean train, validation", "toy shard train, validation")
    size = (raw / "train.csv").stat().st_size
    assert totals[cleaned] == -(-size // SMALL.chunk_bytes)
    assert totals[cleaned] <= asked[cleaned][-1] <= totals[cleaned] * 1.2
    assert asked[sharded][-1] == totals[sharded] > 9_000 // TICK_ROWS - 6
    # Whether somebody looks changes nothing.
    alone = build(RECIPE, raw, tmp_path / "alone", sizes=SMALL)
    assert contents(alone.artifact) == contents(built.artifact)
    assert not list(built.artifact.rglob("*ticks*"))


def test_reading_is_told(raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shardmill.pipeline.builds.read_content._TOLD_BYTES", 1)
    seen: list[tuple[str, int, int]] = []
    build(RECIPE, raw, tmp_path / "out", progress=lambda *step: seen.append(step))
    size = (raw / "train.csv").stat().st_size
    assert ("toy read", size, size) in seen
