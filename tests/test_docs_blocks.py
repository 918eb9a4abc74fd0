"""Every block of code in the README and in the documentation runs, and prints what is shown."""

import re
import shutil
import subprocess
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest
from doc_blocks import RUN, Block, find_blocks, run_page

from shardmill.recipe.csv_options import Csv
from shardmill.recipe.image_recipe import ImageRecipe
from shardmill.recipe.load_recipe import parse_recipe, shipped_recipe_text, shipped_recipes
from shardmill.recipe.splits import CsvFile, HoldOut, RawFile, Split
from shardmill.recipe.tabular_column import Column
from shardmill.recipe.tabular_recipe import Group, TabularRecipe
from shardmill.recipe.targets import ColumnTarget, ImageTarget
from shardmill.recipe.text_recipe import Text, TextRecipe
from shardmill.recipe.text_rules import TokenizerFile, Vocabulary
from shardmill.training.settings.load_settings import load_settings_file

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCKS = {page: find_blocks(page) for page in PAGES}
RUNNING = [page for page, blocks in BLOCKS.items() if any(b.language in RUN for b in blocks)]

# Pages with this comment start from saved models, others from artifacts.
TRAINED = "<!-- The blocks of this page start after make train. -->"

# How the lines of `console` blocks, which are not run, may begin, and why they are not run.
NOT_RUN = {
    "make ": "It installs the project. A test below asks make whether it knows the target.",
    "pip install": "It changes the environment.",
    "torchrun": "The tests of ranks start such processes.",
    "shardmill preprocess news.toml --raw s3://": "It needs a bucket and several machines.",
    "shardmill train mnist --devices": "The tests of ranks start such processes.",
    "shardmill train mnist --log wandb": "The tests of W&B write such runs.",
    "ray start": "It starts a cluster. `make test-ray` builds on one.",
    "dask ": "It starts a cluster. The tests of clusters build on one.",
    "shardmill preprocess news.toml --raw /shared/raw": "The tests of clusters build on some.",
    "tensorboard": "It runs until it is stopped.",
    "python benchmarks/simulate.py": "The tests of the simulator call what it calls.",
    "eval ": "It changes the shell that a person types into.",
}

# Small models, so that the pages that need some do not wait for them.
SMALL = """
[image]
model = { width = 4 }
[text]
model = { width = 8, buckets = 256 }
"""


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.fixture(scope="session")
def sample_project(
    sample_raw: Path, sample_artifacts: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A folder as `make preprocess` leaves it on sample data: data/raw and artifacts."""
    folder = tmp_path_factory.mktemp("project")
    shutil.copytree(sample_raw, folder / "data" / "raw")
    shutil.copytree(sample_artifacts, folder / "artifacts")
    return folder


@pytest.fixture(scope="session")
def trained_project(sample_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as `make train` leaves it, but with small models and one epoch."""
    folder = tmp_path_factory.mktemp("trained") / "project"
    shutil.copytree(sample_project, folder)
    settings = Block(Path(__file__), 1, "toml", "small.toml", SMALL)
    command = "shardmill train --epochs 1 --quiet --settings small.toml"
    run_page([settings, Block(Path(__file__), 1, "sh", "", command)], folder)
    return folder


@pytest.mark.parametrize("page", RUNNING, ids=name_of)
def test_every_block_runs(page: Path, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    blocks = BLOCKS[page]
    trained = TRAINED in page.read_text(encoding="utf-8")
    project = "trained_project" if trained else "sample_project"
    folder = tmp_path / "project"
    shutil.copytree(request.getfixturevalue(project), folder)
    assert run_page(blocks, folder) == sum(block.is_run for block in blocks)


# The modules that a block may need and the tests may lack, and why they are not in `dev`.
NOT_IN_DEV = {
    "datasets": "It is only opened here, and brings much.",
    "jax": "It is large.",
    "sklearn": "Only a recipe for it is shown.",
    "transformers": "It is large, and its releases are many.",
}


def test_blocks_that_need_a_module_are_listed() -> None:
    needed = {block.needs for blocks in BLOCKS.values() for block in blocks if block.needs}
    assert needed == set(NOT_IN_DEV)


def all_blocks(language: str) -> list[Block]:
    return [block for blocks in BLOCKS.values() for block in blocks if block.language == language]


def test_blocks_have_languages_that_are_known() -> None:
    known = {*RUN, "output", "console", "text", "toml", "csv"}
    assert [b.place for blocks in BLOCKS.values() for b in blocks if b.language not in known] == []


def test_blocks_that_are_not_run_are_few_and_have_reasons() -> None:
    lines = [
        (block.place, line)
        for block in all_blocks("console")
        for line in block.text.splitlines()
        if line and not line.startswith(("#", " "))
    ]
    unknown = [(place, line) for place, line in lines if not line.startswith(tuple(NOT_RUN))]
    assert unknown == []
    unused = [start for start in NOT_RUN if not any(line.startswith(start) for _, line in lines)]
    assert unused == []


def test_make_knows_every_target() -> None:
    text = "".join(block.text for block in all_blocks("console"))
    for target in sorted(set(re.findall(r"^make ([a-z-]+)", text, re.MULTILINE))):
        dry = ["make", "--dry-run", "--directory", str(ROOT), target]
        assert subprocess.run(dry, capture_output=True, check=False).returncode == 0, target


def test_recipes_are_valid_and_built() -> None:
    recipes = [block for block in all_blocks("toml") if "kind = " in block.text]
    for block in recipes:
        assert parse_recipe(block.text, where=block.place).name
        commands = [b.text for b in BLOCKS[block.page] if b.language == "sh"]
        assert any(f"preprocess {block.title}" in text for text in commands), block.place
    assert {parse_recipe(b.text, where=b.place).kind for b in recipes} == {
        "tabular",
        "image",
        "text",
    }


def test_settings_are_valid(tmp_path: Path) -> None:
    settings = [block for block in all_blocks("toml") if "kind = " not in block.text]
    assert settings
    for block in settings:
        assert block.title, f"{block.place}: a block of settings has the name of its file"
        file = tmp_path / block.title
        file.write_text(block.text, encoding="utf-8")
        assert load_settings_file(file, ["titanic", "mnist", "ag_news", "reviews", "letters"])


# What a recipe has at a path of its keys. `*` stands for a name of the user's own.
TABLES = {
    "": (TabularRecipe, TextRecipe, ImageRecipe),
    "csv": (Csv,),
    "columns.*": (Column,),
    "target": (ColumnTarget, ImageTarget),
    "targets.*": (),
    "groups.*": (Group,),
    "splits.*": (Split,),
    "splits.*.csv": (CsvFile,),
    "splits.*.images": (RawFile,),
    "splits.*.hold_out": (HoldOut,),
    "text": (Text,),
    "text.tokenizer_file": (TokenizerFile,),
    "vocabulary": (Vocabulary,),
}


def keys_of_built_recipes() -> dict[str, set[str]]:
    """The keys of each table in the recipes that the pages build, and in the shipped ones."""
    texts = [shipped_recipe_text(name) for name in shipped_recipes()]
    texts += [block.text for block in all_blocks("toml") if block.title and "splits" in block.text]
    keys: dict[str, set[str]] = {table: set() for table in TABLES}
    for text in texts:
        waiting: list[tuple[str, object]] = [("", tomllib.loads(text))]
        while waiting:
            path, facts = waiting.pop()
            named = next(
                (t for t in TABLES if fnmatch(path, t) and path.count(".") == t.count(".")), None
            )
            if isinstance(facts, dict):
                keys.setdefault(named or path, set()).update(facts)
                waiting += [(f"{path}.{key}".lstrip("."), value) for key, value in facts.items()]
    return keys


def test_every_key_of_a_recipe_is_in_a_recipe_that_is_built() -> None:
    keys = keys_of_built_recipes()
    for table, models in TABLES.items():
        known = {f.alias or name for model in models for name, f in model.model_fields.items()}
        if models == (TokenizerFile,):
            known -= set(RawFile.model_fields)  # keys of any raw file
        assert known - keys[table] == set(), table
