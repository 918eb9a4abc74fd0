"""The committed results of benchmarks are small, and the page names the commits that they name."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
RESULTS = sorted(BENCHMARKS.glob("*.json"))
_MOST_LINES = 800


def _commits(facts: Any) -> Iterator[str]:
    if isinstance(facts, dict):
        if "commit" in facts:
            yield facts["commit"]
        for value in facts.values():
            yield from _commits(value)
    elif isinstance(facts, list):
        for value in facts:
            yield from _commits(value)


def test_all_committed_results_together_are_short() -> None:
    assert RESULTS
    assert sum(len(path.read_text().splitlines()) for path in RESULTS) <= _MOST_LINES


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.stem)
def test_page_names_the_commits_of_the_results(path: Path) -> None:
    commits = set(_commits(json.loads(path.read_text())))
    page = (BENCHMARKS / "README.md").read_text()

    assert commits
    assert [commit for commit in sorted(commits) if commit not in page] == []


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.stem)
def test_results_name_no_folder_of_the_machine(path: Path) -> None:
    text = path.read_text()

    assert [folder for folder in ("/home/", "/tmp/", "/work/") if folder in text] == []


def test_page_names_no_commit_that_no_result_names() -> None:
    commits = {commit for path in RESULTS for commit in _commits(json.loads(path.read_text()))}
    for page in (BENCHMARKS / "README.md", BENCHMARKS.parent / "README.md"):
        named = re.findall(r"commit ([0-9a-f]{7,}(?:-dirty)?)", page.read_text())

        assert named
        assert set(named) <= commits
