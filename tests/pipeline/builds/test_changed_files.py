"""Raw files that change or are touched, and builds that have nothing to do."""

import json
import os
from pathlib import Path

import pytest
from parts_of_builds import ROWS, gzipped
from small_parts import (
    RECIPE,
    build,
    contents,
    remains,
)

from shardmill.errors import InputError
from shardmill.pipeline.builds import (
    build_artifacts as build_module,
    plan_build,
    read_content,
    run_stages,
)
from shardmill.pipeline.builds.plan_build import Plan
from shardmill.raw import raw_files


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    folder = tmp_path / "raw"
    folder.mkdir()
    (folder / "train.csv").write_text("".join(ROWS), encoding="utf-8")
    return folder


# What changes under a build.


def change_before_reading(monkeypatch: pytest.MonkeyPatch, path: Path, content: bytes) -> None:
    """Replace a raw file between the plan of a build and its first stage."""
    real = plan_build.with_copies

    def late(plan: Plan, copies: Path) -> Plan:
        path.write_bytes(content)
        return real(plan, copies)

    monkeypatch.setattr(run_stages, "with_copies", late)


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("known", [False, True])
def test_a_raw_file_that_changes_after_the_plan(
    raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compressed: bool, known: bool
) -> None:
    path, text = raw / "train.csv", "".join(ROWS[:500])
    path.write_bytes(gzipped(text) if compressed else text.encode())
    if known:
        build(RECIPE, raw, tmp_path / "out")
    before = contents(tmp_path / "out")
    later = "".join(ROWS[:501])
    change_before_reading(monkeypatch, path, gzipped(later) if compressed else later.encode())
    if compressed and not known:
        # What was hashed was copied with the same read, so the change comes too late to matter.
        assert sum(build(RECIPE, raw, tmp_path / "out").rows.values()) == 500
        return
    with pytest.raises(InputError, match=r"train\.csv: .*leave the file alone while it is read"):
        build(RECIPE, raw, tmp_path / "out", force=True)
    left = contents(tmp_path / "out")
    left.pop("toy/.lock", None)
    before.pop("toy/.lock", None)
    assert left == before
    assert remains(tmp_path) == []


def test_a_raw_file_that_is_touched_after_the_plan(
    raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    change_before_reading(monkeypatch, raw / "train.csv", (raw / "train.csv").read_bytes())
    assert build(RECIPE, raw, tmp_path / "out").status == "built"


# What need not be done.


@pytest.mark.parametrize("compressed", [False, True])
def test_up_to_date_reads_no_raw_bytes_and_takes_no_lock(
    raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compressed: bool
) -> None:
    if compressed:
        (raw / "train.csv").write_bytes(gzipped("".join(ROWS)))
    built = build(RECIPE, raw, tmp_path / "out")

    def never(*_: object, **__: object) -> None:
        raise AssertionError("not needed")

    for module in (read_content, raw_files):
        monkeypatch.setattr(module, "plain_copy", never)
    for module, name in (
        *((build_module, name) for name in ("locked", "new_scratch")),
        *((run_stages, name) for name in ("run_stages", "with_copies", "run_clean", "run_shard")),
    ):
        monkeypatch.setattr(module, name, never)
    for options in ({}, {"stages": ("clean",)}, {"stages": ("shard",)}, {"dry_run": True}):
        assert build(RECIPE, raw, tmp_path / "out", **options).status == "up to date"
    assert build(RECIPE, raw, tmp_path / "out").rows == built.rows


@pytest.mark.parametrize("compressed", [False, True])
def test_a_raw_file_that_is_touched_is_read_once_more_and_no_more(
    raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compressed: bool
) -> None:
    if compressed:
        (raw / "train.csv").write_bytes(gzipped("".join(ROWS)))
    build(RECIPE, raw, tmp_path / "out")
    before = contents(tmp_path / "out")
    facts = json.loads((tmp_path / "out/toy/build.json").read_bytes())
    (raw / "train.csv").touch()
    assert build(RECIPE, raw, tmp_path / "out").status == "up to date"
    assert contents(tmp_path / "out") == before
    after = json.loads((tmp_path / "out/toy/build.json").read_bytes())
    assert after.pop("raw") != facts.pop("raw")
    assert after == facts

    def never(*_: object, **__: object) -> None:
        raise AssertionError("not needed")

    monkeypatch.setattr(read_content, "plain_copy", never)
    monkeypatch.setattr(build_module, "locked", never)
    assert build(RECIPE, raw, tmp_path / "out").status == "up to date"


def test_a_folder_that_cannot_be_written_may_be_up_to_date(raw: Path, tmp_path: Path) -> None:
    build(RECIPE, raw, tmp_path / "out")
    folders = [tmp_path / "out", *(p for p in (tmp_path / "out").rglob("*") if p.is_dir())]
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*")}
    for folder in folders:
        folder.chmod(0o555)
    try:
        assert build(RECIPE, raw, tmp_path / "out").status == "up to date"
        after = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*")}
        assert after == before
    finally:
        for folder in folders:
            folder.chmod(0o755)


def test_dry_run_writes_nothing(raw: Path, tmp_path: Path) -> None:
    (raw / "train.csv").write_bytes(gzipped("".join(ROWS)))
    outcome = build(RECIPE, raw, tmp_path / "out", dry_run=True)
    assert (outcome.status, set(outcome.reasons)) == ("to build", {"clean", "shard"})
    assert not (tmp_path / "out").exists()
    build(RECIPE, raw, tmp_path / "out")
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    (raw / "train.csv").write_bytes(gzipped("".join(ROWS[1:])))
    os.utime(raw, ns=(before[raw], before[raw]))
    outcome = build(RECIPE, raw, tmp_path / "out", dry_run=True)
    assert outcome.reasons["shard"] == "changed since the last build: train.csv"
    after = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    assert {path for path in after if after[path] != before.get(path)} == {raw / "train.csv"}
