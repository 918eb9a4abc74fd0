"""The type checker reports a kind that does not keep to the protocol."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src"
KINDS = "shardmill/kinds"


def check(tree: Path) -> subprocess.CompletedProcess[str]:
    """Run mypy on the module that assigns the kinds to the protocol."""
    command = [sys.executable, "-m", "mypy", "--strict", "--explicit-package-bases"]
    command += ["--namespace-packages", "--cache-dir", str(tree.parent / "cache")]
    command += ["--config-file", str(SOURCE.parent / "pyproject.toml")]
    command += [str(tree / KINDS / "find_kind.py")]
    environment = {"MYPYPATH": str(tree), "PATH": "/usr/bin:/bin"}
    return subprocess.run(
        command, cwd=tree.parent, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the source without the linked folders, which the kinds do not import."""
    copy = tmp_path_factory.mktemp("mypy") / "src"
    links = ("pipeline", "datasets", "training", "__pycache__")
    shutil.copytree(SOURCE, copy, ignore=shutil.ignore_patterns(*links, "*.egg-info"))
    (copy / "shardmill" / "__init__.py").write_text("")
    return copy


def test_the_kinds_keep_to_the_protocol(tree: Path) -> None:
    run = check(tree)
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize(
    ("module", "old", "new", "said"),
    [
        # A function that has another name.
        ("image", "def encode_prepared(", "def finish(", '"Kind[ImageRecipe'),
        # Parameters that have changed places.
        (
            "text",
            "def fit(recipe: TextRecipe, train: TrainRows[None])",
            "def fit(train: TrainRows[None], recipe: TextRecipe)",
            '"Kind[TextRecipe',
        ),
        # A result of another type.
        (
            "tabular",
            "def label_column(recipe: TabularRecipe) -> str | None:",
            "def label_column(recipe: TabularRecipe) -> int | None:",
            '"Kind[TabularRecipe',
        ),
    ],
)
def test_a_break_of_the_protocol_is_reported(
    tree: Path, module: str, old: str, new: str, said: str
) -> None:
    path = tree / KINDS / f"{module}.py"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    try:
        run = check(tree)
    finally:
        path.write_text(text, encoding="utf-8")
    assert run.returncode == 1, run.stdout + run.stderr
    lines = [line for line in run.stdout.splitlines() if "find_kind.py" in line]
    assert any("Incompatible types in assignment" in line and said in line for line in lines)
