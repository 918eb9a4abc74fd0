"""A task that runs twice, or half, harms nothing."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from golden_build import RECIPES, write_raw

from shardmill.pipeline.builds.attempts import attempt, attempt_at, remove_attempts
from shardmill.pipeline.builds.build_artifacts import BuildOptions, build_artifacts
from shardmill.pipeline.builds.engine import nothing_done
from shardmill.pipeline.builds.find_sources import Sources
from shardmill.pipeline.builds.process_engine import ProcessEngine
from shardmill.pipeline.stages import merge_tokens
from shardmill.raw.work_sizes import WorkSizes
from shardmill.recipe.load_recipe import parse_recipe

TINY = WorkSizes(chunk_bytes=8, smallest_part_bytes=16, row_group_rows=2)
LAST = RECIPES["tabular"].replace("fraction = 0.25", "fraction = 0.25, last = true")


class TwiceEngine(ProcessEngine):
    """Runs each task twice, and takes what the second try returns."""

    def run(
        self,
        function: Callable[..., Any],
        arguments: Iterable[tuple[Any, ...]],
        on_done: Callable[[], None] = nothing_done,
    ) -> Iterator[Any]:
        for argument in arguments:
            self.first_try(function, argument)
            yield function(*argument)
            on_done()

    def first_try(self, function: Callable[..., Any], argument: tuple[Any, ...]) -> None:
        function(*argument)


class LostEngine(TwiceEngine):
    """Loses each first try when it has written a file, and leaves that file."""

    def first_try(self, function: Callable[..., Any], argument: tuple[Any, ...]) -> None:
        def lost(path: Path, target: Path) -> Path:
            raise ConnectionError(f"{path} was not moved to {target}")

        with pytest.MonkeyPatch.context() as patch, suppress(ConnectionError):
            patch.setattr(Path, "replace", lost)
            patch.setattr(Path, "unlink", lambda path, missing_ok=False: None)
            function(*argument)


def build(recipe: str, raw: Path, out: Path, engine: ProcessEngine) -> dict[str, bytes]:
    sources = Sources((parse_recipe(recipe, where="test"),), raw)
    with engine:
        build_artifacts(sources, BuildOptions(out=out, sizes=TINY, engine=engine))
    files = (path for path in out.rglob("*") if path.is_file())
    kept = (path for path in files if path.name not in ("build.json", ".lock"))
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in kept}


@pytest.mark.parametrize("engine", [TwiceEngine, LostEngine])
@pytest.mark.parametrize("recipe", [*RECIPES.values(), LAST], ids=[*RECIPES, "last"])
def test_more_than_one_try(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: type[ProcessEngine], recipe: str
) -> None:
    monkeypatch.setattr(merge_tokens, "_MOST_FILES", 1)
    monkeypatch.setattr(merge_tokens, "_FILES_OF_TASK", 2)
    raw = tmp_path / "raw"
    raw.mkdir()
    write_raw(raw)
    expected = build(recipe, raw, tmp_path / "one", ProcessEngine(1))
    assert build(recipe, raw, tmp_path / "more", engine(1)) == expected


def test_an_attempt_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("before")

    def fail(beside: Path) -> None:
        beside.write_text("half")
        raise ValueError("half-way")

    with pytest.raises(ValueError, match="half-way"), attempt(path) as beside:
        fail(beside)
    assert [file.name for file in tmp_path.iterdir()] == ["file"]
    assert path.read_text() == "before"


def test_what_lost_attempts_have_left_is_removed(tmp_path: Path) -> None:
    assert attempt_at(tmp_path / "file") != attempt_at(tmp_path / "file")
    attempt_at(tmp_path / "file").touch()
    (tmp_path / "other").touch()
    remove_attempts(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["other"]
