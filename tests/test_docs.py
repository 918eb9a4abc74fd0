"""The documents say what is there."""

import re
import tomllib
from pathlib import Path

from shardmill import errors
from shardmill.cli import COMMANDS, main
from shardmill.load_recipe import parse_recipe
from shardmill.tabular_column import Column

ROOT = Path(__file__).parent.parent


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_readme_lists_every_command_and_no_other() -> None:
    assert re.findall(r"^\| `shardmill (\w+)` \|", read("README.md"), re.M) == list(COMMANDS)


def test_every_exit_code_is_documented() -> None:
    classes = [c for c in vars(errors).values() if isinstance(c, type)]
    codes = {c.exit_code for c in classes if issubclass(c, errors.ShardmillError)}
    for text in (read("README.md"), main.help or ""):
        stated = text.split("Exit codes:")[1]
        assert codes | {0, 2, 130, 143} == {int(n) for n in re.findall(r"\b(\d+) [a-z]", stated)}


def test_every_make_target_in_the_documents_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):.*##", read("Makefile"), re.M))
    for name in ("README.md", "CONTRIBUTING.md", "artifacts/README.md"):
        named = set(re.findall(r"(?:^ {4}|`)make ([a-z-]+)", read(name), re.M))
        assert named
        assert named <= targets, name


def test_every_package_is_listed() -> None:
    project = tomllib.loads(read("pyproject.toml"))
    source = ROOT / "src"
    folders = {file.parent for file in source.glob("shardmill/*.py")}
    folders |= {file.parent for file in source.glob("shardmill/*/*.py")}
    packages = {".".join(folder.relative_to(source).parts) for folder in folders}
    assert packages == set(project["tool"]["setuptools"]["packages"])


def test_torch_is_pinned_for_every_install() -> None:
    assert re.search(r"^torch==\d", read("constraints.txt"), re.M)
    assert "--constraint constraints.txt" in read("Makefile")


def test_recipes_in_the_documents_are_valid() -> None:
    whole = re.findall(r"```toml\n(name = .*?)```", read("ARCHITECTURE.md"), re.S)
    parts = re.findall(r"```toml\n(\[columns\].*?)```", read("README.md"), re.S)
    facts = 'name = "bikes"\nkind = "tabular"\nsplits.train.csv.path = "bikes.csv"\n'
    assert whole
    assert parts
    for text in [*whole, *(facts + part for part in parts)]:
        assert parse_recipe(text, where="documents").kind == "tabular"


def test_every_key_of_a_column_is_documented() -> None:
    table = read("ARCHITECTURE.md").split("### Columns of a table")[1].split("```toml")[0]
    assert set(Column.model_fields) <= set(re.findall(r"`(\w+)`", table))
