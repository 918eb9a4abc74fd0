"""The command line: help, hints, output for people and for programs, exit codes."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest
from commands import Toy, done, everything, run

from shardmill.cli import COMMANDS, main
from shardmill.recipe.load_recipe import shipped_recipes
from shardmill.version import __version__


def test_help_lists_every_command() -> None:
    text = done("--help").output
    context = click.Context(main)
    assert main.list_commands(context) == list(COMMANDS)
    for name in COMMANDS:
        command = main.get_command(context, name)
        assert command is not None and f"  {name} " in text


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str) -> None:
    command = main.get_command(click.Context(main), name)
    assert command is not None and command.help and command.help.strip().endswith(".")
    text = done(name, "--help").output
    assert command.help.split()[0] in text
    assert text == done(name, "-h").output


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_has_help(name: str) -> None:
    command = main.get_command(click.Context(main), name)
    assert command is not None
    options = [option for option in command.params if isinstance(option, click.Option)]
    without = [option.name for option in options if not option.help]
    assert [option for option in without if option != "seed"] == []  # its name says it all


LIGHT = """
import sys
from shardmill.cli import main
main([*sys.argv[1:], "--help"], standalone_mode=False)
heavy = {"torch", "pandas", "numpy", "pyarrow", "pydantic", "rich"} & set(sys.modules)
sys.exit(f"imports {heavy}" if heavy else 0)
"""


@pytest.mark.parametrize("command", [[], ["preprocess"]])
def test_help_imports_nothing_heavy(command: list[str]) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", LIGHT, *command], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert "Usage:" in ended.stdout


TYPOS = [
    (["preproces"], 2, "Did you mean 'preprocess'?"),
    (["verfy"], 2, "Did you mean 'verify'?"),
    (["qqq"], 2, "No such command 'qqq'."),
    (["preprocess", "--wrokers", "2"], 2, "Did you mean '--workers'?"),
    (["verify", "--jsn", "x"], 2, "Did you mean '--json'?"),
    (["preprocess", "titanc"], 3, "did you mean titanic?"),
    (["recipe", "mnits"], 3, "did you mean mnist?"),
    (["preprocess", "--raw", "no/such/folder"], 2, "there is no folder 'no/such/folder'"),
    (["preprocess", "--workers", "0"], 2, "x>=1"),
    (["verify", "--artifacts", "no/such"], 5, "run `shardmill preprocess` first"),
    (["verify", "no/such/artifact"], 5, "build it with `shardmill preprocess`"),
    (["inspect", "no/such/artifact"], 5, "build it with `shardmill preprocess`"),
    (["sample", "titanc"], 2, "'titanc' is none of titanic, mnist, ag_news"),
]


@pytest.mark.parametrize(("arguments", "code", "hint"), TYPOS)
def test_typos(arguments: list[str], code: int, hint: str) -> None:
    result = run(*arguments)
    assert result.exit_code == code
    assert hint in result.stderr
    assert result.stdout == ""


def test_version() -> None:
    assert __version__ in done("--version").output


# Output.


def test_preprocess_says_what_it_did(toy: Toy) -> None:
    first = done("preprocess", *toy.arguments)
    assert first.stdout.startswith("toy  built in ")
    assert "there is no artifact yet" in first.stdout and "rows: train 2" in first.stdout
    again = done("preprocess", *toy.arguments)
    assert again.stdout == f"toy  up to date  rows: train 2  {toy.artifact}\n"
    assert first.stderr == again.stderr == ""


def test_json(toy: Toy) -> None:
    (built,) = json.loads(done("preprocess", *toy.arguments, "--json").stdout)
    assert (built["name"], built["status"], built["rows"]) == ("toy", "built", {"train": 2})
    inspected = json.loads(done("inspect", toy.artifact, "--json").stdout)
    assert inspected["splits"]["train"]["rows"] == 2
    assert inspected["statistics"]["size"]["mean"] == 2.0
    (verified,) = json.loads(done("verify", toy.artifact, "--json").stdout)
    assert (verified["artifact"], verified["files"]) == (str(toy.artifact), 3)


def test_json_is_alone_on_stdout(toy: Toy) -> None:
    result = done("preprocess", *toy.arguments, "--json", "--rows-per-shard", 1)
    (built,) = json.loads(result.stdout)
    assert "rounded up to 16,384" in built["notes"][0]
    assert result.stderr.startswith("note: toy: 1 rows per shard rounded up to 16,384")


def test_inspect(toy: Toy) -> None:
    done("preprocess", *toy.arguments)
    text = done("inspect", toy.artifact).stdout
    for fact in (
        "toy  tabular",
        "2 rows",
        "float32 [1]",
        "mean 2, std 0.5",
        "train.csv",
    ):
        assert fact in text


@pytest.mark.parametrize("command", ["preprocess", "clean", "shard"])
def test_quiet_prints_nothing(toy: Toy, command: str) -> None:
    if command == "shard":
        done("clean", *toy.arguments)
    assert done(command, *toy.arguments, "--quiet").output == ""


def test_quiet_verify_prints_nothing(toy: Toy) -> None:
    done("preprocess", *toy.arguments)
    assert done("verify", toy.artifact, "--quiet").output == ""


@pytest.mark.parametrize("command", ["preprocess", "clean"])
def test_dry_run_changes_nothing(toy: Toy, command: str) -> None:
    before = everything(toy.folder)
    result = done(command, *toy.arguments, "--dry-run")
    assert "to build (no" in result.stdout or "to build (there is no artifact" in result.stdout
    assert everything(toy.folder) == before
    done("preprocess", *toy.arguments)
    before = everything(toy.folder)
    assert "to build (asked for)" in done(command, *toy.arguments, "--dry-run", "--force").stdout
    assert everything(toy.folder) == before


def test_dry_run_writes_no_sample(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    out, sample = tmp_path / "out", tmp_path / "sample"
    done(
        "preprocess",
        "titanic",
        "--raw",
        tmp_path / "raw",
        "--out",
        out,
        "--sample",
        sample,
        "--dry-run",
    )
    assert list(tmp_path.iterdir()) == [tmp_path / "raw"]


def test_sample_data_is_marked(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    folders = [
        "--raw",
        tmp_path / "raw",
        "--out",
        tmp_path / "out",
        "--sample",
        tmp_path / "sample",
    ]
    result = done("preprocess", "titanic", *folders)
    assert "SAMPLE DATA" in result.stdout
    assert "using generated SAMPLE DATA" in result.stderr
    assert "SAMPLE DATA" in done("inspect", tmp_path / "out/titanic").stdout


# Recipes.


@pytest.mark.parametrize("name", shipped_recipes())
def test_recipe_prints_one_that_loads(toy: Toy, name: str) -> None:
    text = done("recipe", name).stdout
    assert tomllib.loads(text)["name"] == name
    path = toy.folder / "printed.toml"
    path.write_text(text)
    result = run("preprocess", path, "--raw", toy.folder / "raw", "--dry-run")
    assert result.exit_code == 4  # the recipe is fine, its raw files are not there
    assert f"raw files of {name}" in result.stderr or f"raw/{name}/" in result.stderr


def test_recipe_lists_all() -> None:
    lines = done("recipe").stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(shipped_recipes())


# Exit codes.
