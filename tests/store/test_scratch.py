"""Tasks on machines that share no disk leave their files at a URL, and find them there."""

import gzip
import json
import shutil
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import current_thread, main_thread
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from engine_builds import TINY, contents
from golden_build import RECIPES, write_raw
from image_files import RECIPE as FOLDER, noise, write_images
from loky import ProcessPoolExecutor as LokyExecutor

from shardmill.errors import ChangedFileError, UnsupportedStorageError
from shardmill.pipeline.builds.bring_raw import bring_raw
from shardmill.pipeline.builds.build_artifacts import BuildOptions, build_artifacts
from shardmill.pipeline.builds.find_sources import Sources
from shardmill.pipeline.stages import clean_stage
from shardmill.pipeline.stages.clean_part import clean_part
from shardmill.raw.image_folder import hash_some
from shardmill.recipe.any_recipe import AnyRecipe
from shardmill.recipe.load_recipe import parse_recipe
from shardmill.store import mounts
from shardmill.store.local_store import LocalStore
from shardmill.store.mounts import Mount, here, mounted, moved, removed, sent
from shardmill.store.pull_artifact import pull_artifact

RECIPE_OF = {kind: parse_recipe(text, where=kind) for kind, text in RECIPES.items()}

PATHS = """
name = "toy"
kind = "image"
paths.column = "file"
target = { column = "kept", classes = ["a", "b"] }
splits.train.csv.path = "train.csv"
"""

ARRAYS = """
name = "toy"
kind = "image"
target.classes = ["no", "yes"]
splits.train.images = { path = "all.npz", array = "x" }
splits.train.labels = { path = "all.npz", array = "y" }
"""

HELD_OUT = """
name = "toy"
kind = "tabular"
columns.size = { dtype = "float64", missing = "median" }
columns.kept = { dtype = "str" }
target = { column = "kept", classes = "learn" }
splits.train.csv.path = "train.csv.gz"
splits.validation.hold_out = { split = "train", fraction = 0.25, last = true }
"""


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("raw")
    write_raw(folder)
    return folder


@pytest.fixture(scope="module", params=["threads", "loky"])
def workers(request: pytest.FixtureRequest) -> Iterator[Executor]:
    executor: Any = ThreadPoolExecutor(3) if request.param == "threads" else LokyExecutor(2)
    with executor:
        yield executor


def build(
    recipe: AnyRecipe, sources: Sources, out: Path | str, scratch: Path, **options: Any
) -> None:
    options = {"scratch": scratch.as_uri(), **options} if "engine" in options else options
    options = {"sizes": TINY, **options}
    build_artifacts(replace(sources, recipes=(recipe,)), BuildOptions(out, **options))


@pytest.mark.parametrize("kind", RECIPE_OF)
def test_the_bytes_of_a_local_build(
    kind: str, workers: Executor, raw: Path, tmp_path: Path
) -> None:
    recipe, local = RECIPE_OF[kind], Sources((), raw)
    build(recipe, local, tmp_path / "here", tmp_path)
    expected = contents(tmp_path / "here")
    url = raw.as_uri()
    away = Sources((), bring_raw([recipe], url, tmp_path / "cache"), raw_url=url)
    build(recipe, away, tmp_path / "there", tmp_path / "scratch", engine=workers)
    assert contents(tmp_path / "there") == expected
    out = (tmp_path / "bucket").as_uri()
    cache = tmp_path / "cache"
    build(recipe, away, out, tmp_path / "scratch", engine=workers, cache=cache)
    assert contents(tmp_path / "bucket") == expected
    assert not [path for path in (tmp_path / "scratch").rglob("*") if path.is_file()]
    name = f"{recipe.name}/"
    pulled = contents(pull_artifact(f"{out}/{recipe.name}", tmp_path / "pulled").parent)
    assert pulled.items() <= expected.items()
    assert {path for path in expected.keys() - pulled.keys() if path.startswith(name)} == {
        path for path in expected if path.endswith("/clean.json")
    }


def test_tasks_read_what_was_sent_and_leave_nothing(
    raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    puts: list[str] = []
    gets: list[str] = []
    put, get_range = LocalStore.put, LocalStore.get_range

    def putting(store: LocalStore, key: str, content: bytes | Path) -> None:
        puts.append(f"{store.url}/{key}")
        put(store, key, content)
        if isinstance(content, Path):
            assert content.is_relative_to(tmp_path / "there")

    def getting(store: LocalStore, key: str, *given: Any, **more: Any) -> Iterator[bytes]:
        gets.append(f"{store.url}/{key}")
        return get_range(store, key, *given, **more)

    monkeypatch.setattr(LocalStore, "put", putting)
    monkeypatch.setattr(LocalStore, "get_range", getting)
    recipe = RECIPE_OF["text"]
    with ThreadPoolExecutor(2) as threads:
        build(recipe, Sources((), raw), tmp_path / "there", tmp_path / "scratch", engine=threads)
    tree = contents(tmp_path / "there")
    sent_files = {Path(url).name for url in puts}
    assert {Path(path).name for path in tree if path.endswith((".parquet", ".safetensors"))} <= (
        sent_files
    )
    assert any(name.endswith(".tokens.arrow") for name in sent_files)
    assert "known_tokens.arrow" in sent_files
    assert {Path(url).name for url in gets} >= sent_files - {"x"}


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let tasks in threads find no file where the process that drives the build has it."""
    monkeypatch.setattr(
        mounts, "_is_here", lambda path: current_thread() is main_thread() and path.exists()
    )


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize("large_bytes", [1, TINY.large_bytes])
@pytest.mark.parametrize("kind", [*RECIPE_OF, "folder", "paths", "npz", "parquet", "jsonl"])
def test_machines_bring_the_raw_files_that_they_read(
    kind: str, large_bytes: int, raw: Path, tmp_path: Path
) -> None:
    recipe = RECIPE_OF.get(kind)
    if recipe is None:
        raw = tmp_path / "raw"
        recipe = write_other(kind, raw)
    build(recipe, Sources((), raw), tmp_path / "here", tmp_path)
    url, cache = raw.as_uri(), tmp_path / "cache"
    away = Sources((), bring_raw([recipe], url, cache), raw_url=url)
    with ThreadPoolExecutor(2) as machines:
        # Large files are hashed and scanned by tasks, too.
        sizes = replace(TINY, large_bytes=large_bytes, range_bytes=64, grain_bytes=16)
        options = {"engine": machines, "sizes": sizes, "workers": 2}
        build(recipe, away, tmp_path / "there", tmp_path / "scratch", **options)
    assert contents(tmp_path / "there") == contents(tmp_path / "here")
    kept = [path for path in away.raw.glob(".kept/*/*") if path.is_file()]
    assert kept or kind in ("folder", "npz")
    files = {path.read_bytes() for path in raw.rglob("*") if path.is_file()}
    assert {path.read_bytes() for path in kept} <= files


@pytest.mark.usefixtures("elsewhere")
def test_a_raw_file_that_changes_meanwhile(
    raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy, cache = tmp_path / "raw", tmp_path / "cache"
    shutil.copytree(raw, copy)
    recipe, url = RECIPE_OF["text"], copy.as_uri()
    away = Sources((), bring_raw([recipe], url, cache), raw_url=url)
    whole = clean_part

    def change(*given: Any) -> Any:
        path = copy / recipe.row_files()[0].path
        path.write_bytes(path.read_bytes() + b" ")
        return whole(*given)

    monkeypatch.setattr(clean_stage, "clean_part", change)
    with (
        ThreadPoolExecutor(1) as machines,
        pytest.raises(ChangedFileError, match="when the build was planned"),
    ):
        build(recipe, away, tmp_path / "there", tmp_path / "scratch", engine=machines)
    assert not list((tmp_path / "there").rglob("manifest.json"))


def write_other(kind: str, raw: Path) -> AnyRecipe:
    if kind in ("folder", "paths"):
        write_images(raw / "train", noise(9, 4, 4))
        if kind == "folder":
            return parse_recipe(FOLDER, where=kind)
        names = sorted(path.relative_to(raw).as_posix() for path in raw.rglob("*.png"))
        rows = "".join(f"{name},{'ab'[n % 2]}\n" for n, name in enumerate(names))
        (raw / "train.csv").write_text(f"file,kept\n{rows}")
        return parse_recipe(PATHS, where=kind)
    raw.mkdir()
    if kind == "npz":
        np.savez_compressed(raw / "all.npz", x=noise(9, 4, 4), y=np.arange(9) % 2)
        return parse_recipe(ARRAYS, where=kind)
    table = pa.table({"size": [0.5 * n for n in range(40)], "kept": ["a", "b"] * 20})
    if kind == "parquet":
        pq.write_table(table, raw / "train.parquet", row_group_size=7)
    else:
        (raw / "train.jsonl").write_text("\n".join(map(json.dumps, table.to_pylist())))
    file = f"splits.train.{kind}.path = 'train.{kind}'\n"
    return parse_recipe(f"{HELD_OUT.partition('splits')[0]}{file}", where=kind)


def test_compressed_files_and_last_rows(tmp_path: Path) -> None:
    rows = "".join(f"{n},{'ab'[n % 2]}\n" for n in range(40))
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw/train.csv.gz").write_bytes(gzip.compress(f"size,kept\n{rows}".encode()))
    recipe = parse_recipe(HELD_OUT, where="toy")
    local = Sources((), tmp_path / "raw")
    build(recipe, local, tmp_path / "here", tmp_path)
    with ThreadPoolExecutor(2) as threads:
        for force in (False, True):  # the second time, the content of the file is known
            scratch = tmp_path / "scratch"
            build(recipe, local, tmp_path / "there", scratch, engine=threads, force=force)
    assert contents(tmp_path / "there") == contents(tmp_path / "here")


def test_mounts(tmp_path: Path) -> None:
    folder, url = tmp_path / "folder", (tmp_path / "bucket").as_uri()
    folder.mkdir()
    path = folder / ".building-x/a"
    path.parent.mkdir()
    path.write_bytes(b"one")
    (tmp_path / "bucket/x").mkdir(parents=True)
    (tmp_path / "bucket/x/c").write_bytes(b"two")
    sent(path)  # nothing holds
    assert here(path) == path
    with mounted([Mount(folder, url)]):
        sent(path)
        assert not path.exists()
        assert (tmp_path / "bucket/x/a").read_bytes() == b"one"
        brought = here(path)
        assert brought != path
        assert brought.read_bytes() == b"one"
        assert here(folder / "x/a").read_bytes() == b"one"
        moved(path, path.with_name("b"))
        assert here(folder / "x/b").read_bytes() == b"one"
        removed(folder / "x/b")
        removed(folder / "x/b")
        assert here(folder / "x/b") == folder / "x/b"
        assert here(tmp_path / "else") == tmp_path / "else"
    assert not brought.exists()
    (tmp_path / "bucket/x/a").write_bytes(b"one")
    with mounted([Mount(folder, url, kept=True)]):
        assert hash_some(folder, ["x/a", "x/c"]).count(b"\n") == 2
        kept = here(folder / "x/a")
    assert kept.read_bytes() == b"one"
    (tmp_path / "bucket/x/a").write_bytes(b"three")
    with mounted([Mount(folder, url, kept=True)]):
        assert here(folder / "x/a").read_bytes() == b"three"
    assert not kept.exists()


def test_what_is_refused(raw: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="several machines"):
        BuildOptions(tmp_path, scratch="s3://bucket/x")
    with ThreadPoolExecutor(1) as threads, pytest.raises(UnsupportedStorageError):
        options = BuildOptions(tmp_path, scratch="https://localhost/x", engine=threads)
        build_artifacts(Sources((RECIPE_OF["text"],), raw), options)
