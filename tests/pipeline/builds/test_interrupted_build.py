"""A build that is ended in its midst leaves what readers see alone, and nothing behind."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from small_parts import RECIPE, build, contents, csv_rows, remains

from shardmill.errors import InputError
from shardmill.format.verify_artifact import verify_artifact
from shardmill.pipeline.stages import write_vocabulary
from shardmill.raw.work_sizes import WorkSizes

# Sends itself a signal when the first task of a stage is done, while others are under way.
SCRIPT = """
import os, signal, sys
from contextlib import contextmanager
from shardmill.cli import main, progress_bars
from functools import partial
from shardmill.pipeline.builds import build_artifacts
from shardmill.raw.work_sizes import WorkSizes

# The command has no option for them.
sizes = WorkSizes(
    chunk_bytes=20_000, smallest_part_bytes=40_000, large_bytes=1, range_bytes=1, grain_bytes=9_000
)
build_artifacts.BuildOptions = partial(build_artifacts.BuildOptions, sizes=sizes)

@contextmanager
def signalling(*, quiet):
    def progress(stage, done, total):
        if sys.argv[1] in stage and done == 1:
            if sys.argv[2] == "SIGINT":
                os.killpg(os.getpgrp(), signal.SIGINT)  # as a terminal does
            else:
                os.kill(os.getpid(), signal.SIGTERM)
    yield progress_bars.Callbacks(progress)

if __name__ == "__main__":
    progress_bars.progress_bars = signalling
    main(sys.argv[3:])
"""


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    folder = tmp_path / "raw"
    folder.mkdir()
    (folder / "train.csv").write_text("".join(csv_rows(10_000)), encoding="utf-8")
    (tmp_path / "toy.toml").write_text(RECIPE)
    (tmp_path / "script.py").write_text(SCRIPT)
    return folder


@pytest.mark.parametrize(
    ("stage", "workers"), [("clean", 1), ("shard", 1), ("scan", 2), ("clean", 2), ("shard", 2)]
)
@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_a_signal(
    raw: Path, tmp_path: Path, stage: str, name: str, code: int, workers: int
) -> None:
    out = tmp_path / "out"
    build(RECIPE, raw, out)
    before = contents(out)
    (raw / "train.csv").write_text("".join(csv_rows(10_000, seed=1)), encoding="utf-8")
    command = [sys.executable, str(tmp_path / "script.py"), stage, name, "preprocess"]
    command += [str(tmp_path / "toy.toml"), "--raw", str(raw), "--out", str(out)]
    command += ["--workers", str(workers), "--rows-per-shard", "4096"]
    # The workers have our end of the output: this returns when the last of them has ended.
    ended = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        start_new_session=True,
        # Whoever starts the tests may have told them to ignore it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert ended.returncode == code, ended.stderr
    assert "what was not finished is as it was before" in ended.stderr
    assert remains(tmp_path) == []
    after = contents(out)
    assert {path: after[path] for path in before} == before
    # What the clean stage has finished stays for the next build.
    assert {path.split("/")[1][:6] for path in set(after) - set(before)} == (
        {"clean-"} if stage == "shard" else set()
    )
    verify_artifact(out / "toy")
    assert build(RECIPE, raw, out).status == "built"


def test_a_failing_task_ends_the_others_before_anything_is_removed(
    raw: Path, tmp_path: Path
) -> None:
    rows = csv_rows(10_000)
    rows[3_000] = "9,no,class\n"
    (raw / "train.csv").write_text("".join(rows), encoding="utf-8")
    sizes = WorkSizes(chunk_bytes=20_000, smallest_part_bytes=40_000)
    for _ in range(3):
        with pytest.raises(InputError, match="found '9'"):
            build(RECIPE, raw, tmp_path / "out", workers=3, sizes=sizes)
        assert remains(tmp_path) == []


def test_a_vocabulary_that_cannot_be_written(
    raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(write_vocabulary, "write_vocabulary", full)
    with pytest.raises(Exception, match="No space left on device") as caught:
        build(RECIPE, raw, tmp_path / "out")
    assert type(caught.value).__name__ == "OutputError"
    assert list((tmp_path / "out/toy").glob("shards-*")) == []
    assert remains(tmp_path) == []
