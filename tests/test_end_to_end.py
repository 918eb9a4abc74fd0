"""Raw files to trained models through the command line, on sample files and on real ones."""

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from shardmill.cli import main


def run(*arguments: object) -> Any:
    """Run a command that prints JSON and return what it printed."""
    result = CliRunner().invoke(main, [*map(str, arguments), "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def modification_times(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


def contents(folder: Path) -> dict[str, bytes]:
    """Every file but build.json, by path."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != "build.json")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def check(raw: Path, folder: Path, rows: dict[str, dict[str, int]], *, sample: bool) -> Path:
    """Build, look, build again, build with two workers; return the artifacts."""
    out = folder / "artifacts"
    built = run("preprocess", "--raw", raw, "--out", out)
    assert {b["name"]: b["rows"] for b in built} == rows
    assert {b["status"] for b in built} == {"built"}
    for name, splits in rows.items():
        facts = run("inspect", out / name)
        assert {split: s["rows"] for split, s in facts["splits"].items()} == splits
        assert facts["sample"] is sample
    before = modification_times(out)
    again = run("preprocess", "--raw", raw, "--out", out)
    assert {b["status"] for b in again} == {"up to date"}
    assert modification_times(out) == before
    run("preprocess", "--raw", raw, "--out", folder / "two", "--workers", 2)
    assert contents(folder / "two") == contents(out)
    verified = run("verify", *(out / name for name in rows))
    assert len(verified) == len(rows)
    return out


def test_sample_files(sample_raw: Path, tmp_path: Path) -> None:
    rows = {
        "ag_news": {"train": 4_000, "test": 1_000},
        "mnist": {"train": 3_600, "validation": 400, "test": 1_000},
        "titanic": {"train": 799, "validation": 201},
    }
    artifacts = check(sample_raw, tmp_path, rows, sample=True)
    results = run("train", "--artifacts", artifacts, "--out", tmp_path / "runs", "--epochs", 1)
    assert [result["name"] for result in results] == list(rows)
    assert all(result["sample"] for result in results)


def test_real_files(real_raw: Path, tmp_path: Path) -> None:
    rows = {
        "ag_news": {"train": 9_998, "test": 7_600},
        "mnist": {"train": 53_998, "validation": 6_002, "test": 10_000},
        "titanic": {"train": 713, "validation": 178},
    }
    artifacts = check(real_raw, tmp_path, rows, sample=False)
    results = run("train", "--artifacts", artifacts, "--out", tmp_path / "runs")
    metrics = {result["name"]: result["metrics"] for result in results}
    assert metrics["ag_news"]["test_accuracy"] >= 0.86
    assert metrics["mnist"]["test_accuracy"] >= 0.985
    assert metrics["titanic"]["validation_accuracy"] >= 0.78
