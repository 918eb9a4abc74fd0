"""Builds read raw files at a URL and put artifacts at a URL: the bytes of a build in folders."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from image_files import RECIPE as IMAGES, noise, write_images
from lenders import borrower, lender, write_rows
from toys import KINDS, ROWS, TABULAR, Toy, replace_in, tree

from shardmill.cli import main
from shardmill.errors import (
    InputError,
    LockedError,
    MissingRawFileError,
    PublishedMeanwhileError,
    StorageAnswerError,
    UnsupportedStorageError,
)
from shardmill.pipeline.builds import run_stages as running
from shardmill.pipeline.builds.artifact_at_url import ArtifactAtUrl
from shardmill.pipeline.builds.build_artifacts import BuildOptions, build_artifacts
from shardmill.pipeline.builds.find_sources import Sources, find_sources
from shardmill.pipeline.builds.outcome import Outcome
from shardmill.store.local_store import LocalStore
from shardmill.store.open_store import open_store
from shardmill.store.pull_artifact import pull_artifact
from shardmill.store.store import ObjectFacts


@pytest.fixture(params=["folder", "s3"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "s3":
        return str(request.getfixturevalue("s3"))
    return (tmp_path / "elsewhere").as_uri()


class Away:
    """A recipe, its raw files at a URL, and the artifacts that are built for one."""

    def __init__(self, url: str, folder: Path, recipe: str) -> None:
        self.raw, self.out, self.cache = f"{url}/raw", f"{url}/out", folder / "cache"
        self.recipe = folder / "toy.toml"
        self.recipe.write_text(recipe)

    def put(self, folder: Path) -> None:
        store = open_store(self.raw)
        for path in folder.rglob("*"):
            if path.is_file():
                store.put(path.relative_to(folder).as_posix(), path)

    def build(self, **options: Any) -> Outcome:
        sources = find_sources([str(self.recipe)], raw=self.raw, cache=self.cache)
        how = BuildOptions(out=self.out, cache=self.cache, workers=1, **options)
        return build_artifacts(sources, how)[0]

    def pulled(self, folder: Path, name: str = "toy") -> dict[str, bytes]:
        shutil.rmtree(folder, ignore_errors=True)
        return tree(pull_artifact(f"{self.out}/{name}", folder))


def named(files: dict[str, bytes]) -> dict[str, bytes]:
    """Without what only builds read."""
    return {path: content for path, content in files.items() if not path.endswith("/clean.json")}


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    return Toy(tmp_path / "here", *KINDS["tabular"])


@pytest.fixture
def away(toy: Toy, tmp_path: Path) -> Away:
    away = Away((tmp_path / "elsewhere").as_uri(), tmp_path, TABULAR)
    away.put(toy.raw)
    return away


@pytest.mark.parametrize("kind", KINDS)
def test_a_build_of_urls_is_a_build_of_folders(kind: str, url: str, tmp_path: Path) -> None:
    recipe, write = KINDS[kind]
    here = Toy(tmp_path / "here", recipe, write)
    here.build()
    away = Away(url, tmp_path, recipe)
    away.put(here.raw)
    built = away.build()
    assert (built.status, built.url) == ("built", f"{url}/out/toy")
    assert built.to_dict()["artifact"] == f"{url}/out/toy"
    assert away.pulled(tmp_path / "pulled") == named(tree(here.artifact))
    # Nothing large stays behind.
    assert {path.suffix for path in built.artifact.rglob("*") if path.is_file()} <= {
        ".json",
        ".md",
        ".lock",
        "",
    }


def test_what_has_not_changed_is_not_read_again(
    away: Away, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    away.build()
    read: list[str] = []
    whole = LocalStore.get_range

    def get_range(store: LocalStore, key: str, *given: Any, **more: Any) -> Iterator[bytes]:
        read.append(key)
        return whole(store, key, *given, **more)

    monkeypatch.setattr(LocalStore, "get_range", get_range)
    assert away.build().status == "up to date"
    assert read == []
    open_store(away.raw).put("toy/train.csv", b"size,colour,note,kept\n1,red,x,0\n2,red,x,1")
    built = away.build()
    assert (built.status, sum(built.rows.values())) == ("built", 2)
    assert read == ["toy/train.csv"]
    # On another machine nothing is known of the files, and yet nothing needs to be built.
    assert replace_cache(away, tmp_path / "other").build().status == "up to date"


def replace_cache(away: Away, cache: Path) -> Away:
    away.cache = cache
    return away


def test_a_file_that_is_gone_or_compressed_now(away: Away, tmp_path: Path) -> None:
    replace_in(away.recipe, "toy/train.csv", "toy/part-*.csv")
    store = open_store(away.raw)
    for name in ("part-1.csv", "part-2.csv", ".part-3.csv", "deeper/part-4.csv"):
        store.put(f"toy/{name}", b"size,colour,note,kept\n1,red,x,0\n2,red,x,1\n")
    assert sum(away.build().rows.values()) == 4
    (tmp_path / "elsewhere/raw/toy/part-1.csv").unlink()
    assert sum(away.build().rows.values()) == 2
    (tmp_path / "elsewhere/raw/toy/part-2.csv").unlink()
    with pytest.raises(MissingRawFileError, match="elsewhere/raw"):
        away.build()


def test_a_folder_of_images(tmp_path: Path) -> None:
    write_images(tmp_path / "here/train", noise(9, 4, 4))
    away = Away((tmp_path / "elsewhere").as_uri(), tmp_path, IMAGES)
    away.put(tmp_path / "here")
    assert away.build().rows == {"train": 9}
    assert away.build().status == "up to date"
    (tmp_path / "elsewhere/raw/train/cat/0000.png").unlink()
    assert away.build().rows == {"train": 8}


def test_another_recipe_shards_the_cleaned_rows_at_the_url(away: Away, tmp_path: Path) -> None:
    away.build()
    replace_in(away.recipe, "before", "after")
    built = replace_cache(away, tmp_path / "other").build()
    assert built.status == "built"
    assert "clean" not in built.seconds
    here = Toy(tmp_path / "again", TABULAR.replace("before", "after"), KINDS["tabular"][1])
    here.build()
    assert away.pulled(tmp_path / "pulled") == named(tree(here.artifact))


def test_the_stages_one_by_one(away: Away, tmp_path: Path, toy: Toy) -> None:
    assert away.build(stages=("clean",)).status == "built"
    assert list((tmp_path / "elsewhere/out/toy").glob("clean-*/train-00000.parquet"))
    assert not (tmp_path / "elsewhere/out/toy/manifest.json").exists()
    assert replace_cache(away, tmp_path / "other").build(stages=("shard",)).status == "built"
    toy.build()
    assert away.pulled(tmp_path / "pulled") == named(tree(toy.artifact))


def test_of_two_builders_one_wins(
    url: str, toy: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = Away(url, tmp_path, TABULAR)
    away.put(toy.raw)
    whole = running.run_stages

    def meanwhile(*given: Any, **more: Any) -> Any:
        monkeypatch.setattr(running, "run_stages", whole)
        other = Away(url, tmp_path / "cache", TABULAR)
        replace_in(other.recipe, "before", "after")
        assert other.build().status == "built"
        return whole(*given, **more)

    monkeypatch.setattr(running, "run_stages", meanwhile)
    with pytest.raises(PublishedMeanwhileError, match=r"shards-.*somebody else") as told:
        away.build()
    assert told.value.where.endswith("/out/toy")
    assert b'"after"' in away.pulled(tmp_path / "pulled")["manifest.json"]
    assert away.build().status == "built"  # the next one begins with what is there now
    assert b'"before"' in away.pulled(tmp_path / "pulled")["manifest.json"]


def test_two_builders_on_one_machine(away: Away) -> None:
    with (
        ArtifactAtUrl(away.out, "toy", away.cache).opened(),
        pytest.raises(LockedError, match="out/toy"),
    ):
        away.build()


def test_errors_and_notes_name_the_url(away: Away, tmp_path: Path) -> None:
    bad = b"size,colour,note,kept\n1,red,x,0\n2,green,x,1\n3,red,x,1\n"
    open_store(away.raw).put("toy/train.csv", bad)
    with pytest.raises(InputError) as told:
        away.build()
    assert told.value.where.startswith(f"{away.raw}/toy/train.csv, line 3")
    assert not (tmp_path / "elsewhere/out/toy/manifest.json").exists()
    rule = 'rows = { on_bad_row = "quarantine", max_bad_rows = 0.5 }'
    replace_in(away.recipe, 'description = "before"', rule)
    built = away.build()
    assert built.status == "built"
    assert any(f"{away.out}/toy/clean-" in note for note in built.notes)
    assert not any(str(away.cache) in note for note in built.notes)


def test_a_vocabulary_from_an_artifact_at_the_url(tmp_path: Path) -> None:
    out, cache = (tmp_path / "elsewhere").as_uri(), tmp_path / "cache"
    write_rows(tmp_path / "raw", "words", ["b a", "B a,", "c b"])
    write_rows(tmp_path / "raw", "fresh", ["a B", "zebra"])

    def build(*recipes: Any, cache: Path = cache) -> list[str]:
        how = BuildOptions(out=out, cache=cache, workers=1)
        return [done.status for done in build_artifacts(Sources(recipes, tmp_path / "raw"), how)]

    assert build(lender()) == ["built"]
    assert build(borrower(), cache=tmp_path / "other") == ["built"]
    assert build(borrower(), lender()) == ["up to date", "up to date"]
    (tmp_path / "elsewhere/words/manifest.json").unlink()
    with pytest.raises(Exception, match="elsewhere/words: expected an artifact, whose vocabulary"):
        build(borrower())


def test_a_download_that_ended_early_goes_on(away: Away, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = LocalStore.get_range
    asked: list[int] = []

    def get_range(
        store: LocalStore, key: str, start: int = 0, *, etag: str | None = None, **more: Any
    ) -> Iterator[bytes]:
        asked.append(start)
        content = b"".join(whole(store, key, start, etag=etag, **more))
        if start:
            yield content
            return
        yield content[:100]
        raise StorageAnswerError(key, expected="bytes", found="none", fix="try again")

    monkeypatch.setattr(LocalStore, "get_range", get_range)
    with pytest.raises(StorageAnswerError):
        away.build()
    assert sum(away.build().rows.values()) == ROWS
    assert asked == [0, 100]


def test_keys_that_lead_out_of_the_folder(
    away: Away, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace_in(away.recipe, "toy/train.csv", "toy/*")
    for key in ("toy/..", "toy/a\\..\\b", "toy/c:d"):
        monkeypatch.setattr(
            LocalStore, "list", lambda _, prefix="", key=key: iter([ObjectFacts(key, 5, "e")])
        )
        with pytest.raises((StorageAnswerError, MissingRawFileError)):
            away.build()
    assert {path.name for path in tmp_path.iterdir()} == {"here", "elsewhere", "cache", "toy.toml"}


def test_a_url_that_is_to_read_alone(away: Away) -> None:
    away.out = "https://localhost/out"
    with pytest.raises(UnsupportedStorageError, match="to read alone"):
        away.build()


def test_the_commands(away: Away, tmp_path: Path) -> None:
    given = [str(away.recipe), "--raw", away.raw, "--out", away.out, "--cache", str(away.cache)]
    runner = CliRunner()
    shown = runner.invoke(main, ["preprocess", *given, "--dry-run", "--json"])
    assert json.loads(shown.stdout)[0]["status"] == "to build"
    assert not (tmp_path / "elsewhere/out").exists()
    shown = runner.invoke(main, ["preprocess", *given, "--json"])
    assert shown.exit_code == 0, shown.output
    assert json.loads(shown.stdout)[0]["artifact"] == f"{away.out}/toy"
    listed = runner.invoke(main, ["cache", "list", "--cache", str(away.cache), "--json"])
    assert {each["url"] for each in json.loads(listed.stdout)} == {away.raw, away.out}
    runner.invoke(main, ["cache", "clear", "--cache", str(away.cache)])
    assert not list(away.cache.glob("*/*/toy"))
