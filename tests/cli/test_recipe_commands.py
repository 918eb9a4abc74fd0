"""`shardmill recipe` lists, prints and checks recipes."""

import json
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.shell_completion import ShellComplete
from commands import RECIPE, done, run

from shardmill.cli import main
from shardmill.cli.recipe_command import RECIPE_COMMANDS, command
from shardmill.cli.recipe_schema_command import KINDS
from shardmill.recipe.any_recipe import RECIPE_KINDS
from shardmill.recipe.load_recipe import shipped_recipe_text, shipped_recipes


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    path = tmp_path / "toy.toml"
    path.write_text(RECIPE)
    return path


def test_a_name_is_short_for_show() -> None:
    text = shipped_recipe_text("titanic")
    assert done("recipe", "show", "titanic").stdout == done("recipe", "titanic").stdout == text


def test_no_command_is_short_for_list() -> None:
    assert done("recipe").stdout == done("recipe", "list").stdout
    listed = json.loads(done("recipe", "list", "--json").stdout)
    assert [recipe["name"] for recipe in listed] == list(shipped_recipes())
    assert listed[0]["kind"] in RECIPE_KINDS


def test_valid_recipes(toy: Path) -> None:
    result = done("recipe", "validate", toy, "mnist")
    assert result.stdout == (
        f"{toy}: valid, the tabular recipe of toy\nmnist: valid, the image recipe of mnist\n"
    )
    assert done("recipe", "validate", toy, "--quiet").output == ""


def test_all_faults_of_all_recipes(toy: Path) -> None:
    keys, fit = toy.with_name("keys.toml"), toy.with_name("fit.toml")
    keys.write_text(RECIPE.replace("dtype", "dtipe").replace("first = 0", "first = true"))
    fit.write_text(RECIPE.replace('"kept"', '"kpt"').replace('"float64"', '"str"'))
    result = run("recipe", "validate", keys, toy, fit, toy.with_name("none.toml"))
    assert result.exit_code == 3
    lines = result.stdout.splitlines()
    assert lines[0] == f"{keys}: 5 faults"
    assert "  target.first: Input should be a valid integer, found True" in lines[1:6]
    assert lines[6] == f"{toy}: valid, the tabular recipe of toy"
    assert lines[7:10] == [
        f"{fit}: 2 faults",
        "  target.column: no column 'kpt', or it is dropped, did you mean kept?",
        "  columns.size: a column of str needs a map or categories, or drop = true",
    ]
    assert lines[10].endswith("none.toml: 1 fault") and "No such file" in lines[11]


def test_faults_as_json(toy: Path) -> None:
    toy.write_text(RECIPE.replace("size =", "= size"))
    result = run("recipe", "validate", toy, "--json")
    (report,) = json.loads(result.stdout)
    assert (result.exit_code, report["valid"], report["name"]) == (3, False, None)
    assert "expected valid TOML" in report["faults"][0]


@pytest.mark.parametrize("kind", [None, *KINDS])
def test_schema(kind: str | None) -> None:
    arguments = ["--kind", kind] if kind else []
    schema = json.loads(done("recipe", "schema", *arguments).stdout)
    assert schema["$schema"].startswith("https://json-schema.org/")
    assert kind is None or schema["properties"]["kind"]["const"] == kind


def test_every_kind_has_a_schema() -> None:
    assert set(KINDS) == set(RECIPE_KINDS)


@pytest.mark.parametrize("name", RECIPE_COMMANDS)
def test_every_command_is_explained(name: str) -> None:
    text = done("recipe", name, "--help").output
    assert f"    shardmill recipe {name}" in text
    found = command.get_command(click.Context(command), name)
    assert found is not None
    options = [p for p in found.params if isinstance(p, click.Option)]
    assert all(option.help for option in options)
    assert all(str(option.envvar).startswith("SHARDMILL_RECIPE_") for option in options)


def test_what_is_completed() -> None:
    shell = ShellComplete(main, {}, "shardmill", "_SHARDMILL_COMPLETE")
    assert [item.value for item in shell.get_completions(["recipe"], "s")][:2] == ["show", "schema"]
    assert [item.value for item in shell.get_completions(["recipe"], "ti")] == ["titanic"]
    assert [item.value for item in shell.get_completions(["recipe", "show"], "mn")] == ["mnist"]


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom shardmill.cli import main\n"
        "main(['recipe', 'schema', '--help'], standalone_mode=False)\n"
        "sys.exit(bool({'torch', 'pandas', 'numpy', 'pyarrow', 'pydantic'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
