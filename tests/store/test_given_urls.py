"""Raw files at URLs that have no recipe get one, and rows of a program go to a folder."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from object_servers import Faults, range_server
from toys import KINDS, Toy, tree

import shardmill
from shardmill.cli import main
from shardmill.errors import UnsupportedStorageError


def test_files_without_a_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    toy = Toy(tmp_path / "here", *KINDS["tabular"])
    raw, out, kept = toy.raw.as_uri(), (tmp_path / "out").as_uri(), tmp_path / "cache"
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    runner, cache = CliRunner(), ["--cache", str(kept)]
    file = f"{raw}/toy/train.csv"
    here = ["recipe", "infer", str(toy.raw / "toy/train.csv"), "--target", "kept", "--name", "toy"]
    expected = runner.invoke(main, here)
    shown = runner.invoke(main, ["recipe", "infer", file, "--target", "kept", *cache])
    assert shown.exit_code == 0, shown.output
    assert shown.stdout == expected.stdout  # its name is that of the folder
    assert f"build it with --raw {raw}/toy" in shown.stderr
    given = ["preprocess", file, "--target", "kept", "--out", out, *cache, "--json"]
    for status in ("built", "up to date"):
        shown = runner.invoke(main, given)
        assert shown.exit_code == 0, shown.output
        assert json.loads(shown.stdout)[0]["status"] == status
    assert (tmp_path / "work/toy.toml").read_text() == expected.stdout
    wrong = ["preprocess", file, "--target", "nothing", "--name", "x", *cache]
    refused = runner.invoke(main, wrong)
    assert f"{raw}/toy/train.csv" in refused.stderr
    assert str(kept) not in refused.stderr


def test_rows_of_a_program_go_to_a_folder() -> None:
    for out in ("s3://bucket/x", Path("s3://bucket/x")):
        with pytest.raises(UnsupportedStorageError, match="shardmill push"):
            shardmill.build([{"a": 1, "b": "x"}], name="toy", target="b", out=out)


def test_raw_files_of_a_server_of_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    toy = Toy(tmp_path / "here", *KINDS["tabular"])
    Path("toy.toml").write_text(toy.recipe)
    faults = Faults(refuse_every=3, cut_every=2)
    with range_server(toy.raw.parent, faults) as endpoint:
        places = ["--raw", f"{endpoint}/raw", "--out", "out", "--cache", "cache", "--json"]
        shown = CliRunner().invoke(main, ["preprocess", "toy.toml", *places])
        assert json.loads(shown.stdout)[0]["status"] == "built"
        assert faults.refused
        faults.asked.clear()
        shown = CliRunner().invoke(main, ["preprocess", "toy.toml", *places])
        assert json.loads(shown.stdout)[0]["status"] == "up to date"
        assert not [path for path, span in faults.asked if span]  # no content was asked for
    toy.build()
    assert tree(tmp_path / "out/toy") == tree(toy.artifact)
