"""The documents say what is there."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from golden_build import RECIPES, write_raw

import shardmill
from shardmill import errors
from shardmill.cli import COMMANDS, main
from shardmill.format.manifest import Manifest
from shardmill.format.read_checked import read_raw_records
from shardmill.pipeline.builds.build_artifacts import BuildOptions, build_artifacts
from shardmill.pipeline.builds.find_sources import Sources
from shardmill.recipe.csv_options import Csv
from shardmill.recipe.image_recipe import ImageRecipe
from shardmill.recipe.load_recipe import parse_recipe
from shardmill.recipe.raw_file import ImagePaths
from shardmill.recipe.splits import (
    ArrayFile,
    CsvFile,
    HoldOut,
    ImageFolder,
    RawFile,
    Split,
)
from shardmill.recipe.tabular_column import Column
from shardmill.recipe.tabular_recipe import Group, TabularRecipe
from shardmill.recipe.targets import ColumnTarget, ImageTarget
from shardmill.recipe.text_recipe import Text, TextRecipe
from shardmill.recipe.text_rules import TokenizerFile, Vocabulary
from shardmill.serve.model_facts import ModelFacts, TrainedOn
from shardmill.serve.saved_preprocessor import SavedPreprocessor, SavedVocabulary
from shardmill.training.settings.model_options import BY_ARCHITECTURE
from shardmill.training.settings.settings import (
    Checkpoint,
    EarlyStopping,
    Log,
    Settings,
    Transfer,
)

ROOT = Path(__file__).parent.parent


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_documents_list_every_command_and_no_other() -> None:
    text = read("docs/reference/commands.md")
    assert re.findall(r"^\| `shardmill (\w+)` \|", text, re.M) == list(COMMANDS)


def test_every_exit_code_is_documented() -> None:
    classes = [c for c in vars(errors).values() if isinstance(c, type)]
    codes = {c.exit_code for c in classes if issubclass(c, errors.ShardmillError)}
    codes |= {0, 2, 10, 130, 143}  # 10 is of `predict` alone
    for text in (read("docs/reference/commands.md"), main.help or ""):
        stated = text.split("Exit codes:")[1].split("##")[0]
        assert codes | {0, 2, 10, 130, 143} == {
            int(n) for n in re.findall(r"\b(\d+) [a-z]", stated)
        }


def test_every_make_target_in_the_documents_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):.*##", read("Makefile"), re.M))
    for name in ("README.md", "CONTRIBUTING.md", "artifacts/README.md"):
        named = set(re.findall(r"(?:^ *|`)make ([a-z-]+)", read(name), re.M))
        assert named
        assert named <= targets, name


def test_every_package_is_listed() -> None:
    project = tomllib.loads(read("pyproject.toml"))
    source = ROOT / "src"
    folders = {
        file.parent
        for depth in range(3)
        for file in source.glob("shardmill" + "/*" * depth + "/*.py")
    }
    packages = {".".join(folder.relative_to(source).parts) for folder in folders}
    assert packages == set(project["tool"]["setuptools"]["packages"])


def test_torch_is_pinned_for_every_install() -> None:
    assert re.search(r"^torch==\d", read("constraints.txt"), re.M)
    assert "--constraint constraints.txt" in read("Makefile")


def test_every_key_of_a_recipe_is_documented() -> None:
    text = read("docs/reference/recipe.md")
    named = set(re.findall(r"[`.](\w+)(?=`)", text))
    tables = (
        RawFile,
        ArrayFile,
        ImageFolder,
        ImagePaths,
        CsvFile,
        HoldOut,
        Split,
        Csv,
        ColumnTarget,
        ImageTarget,
        Column,
        Group,
    )
    for table in (*tables, TokenizerFile, Text, Vocabulary):
        keys = {field.alias or name for name, field in table.model_fields.items()}
        assert keys - named == set(), table
    for recipe in (TabularRecipe, TextRecipe, ImageRecipe):
        stated = set(re.findall(r"[`\[](\w+)", text))
        assert set(recipe.model_fields) - stated == set(), recipe


def test_every_key_of_the_settings_is_documented() -> None:
    named = set(re.findall(r"`(\w+)`", read("docs/reference/training.md")))
    for table in (Settings, EarlyStopping, Checkpoint, Transfer, Log, *BY_ARCHITECTURE.values()):
        assert set(table.model_fields) - named == set(), table
    assert set(BY_ARCHITECTURE) <= named


def test_every_public_name_is_on_the_page_of_the_api() -> None:
    named = re.findall(r"^::: shardmill\.(\w+)$", read("docs/reference/api.md"), re.M)
    # The page shows all errors at once, and the version needs no page.
    objects = {name: getattr(shardmill, name) for name in shardmill.__all__}
    modules = {"shardmill_error", "raw_errors", "storage_errors", "errors"}
    of_errors = {f"shardmill.{module}" for module in modules}
    rest = {n for n, o in objects.items() if getattr(o, "__module__", "") not in of_errors}
    assert {*named, "__version__"} - modules == rest
    assert modules <= {*named}


def keys_of(artifact: Path) -> Iterator[str]:
    """Every key that the format gives a meaning: those of records, not names that a recipe gave."""
    manifest = Manifest.load(artifact)
    facts = manifest.model_dump(mode="json")
    yield from facts
    raw = [record.model_dump() for record in read_raw_records(artifact, manifest)]
    records = [*raw, *facts["statistics"].values(), facts["vocabulary"] or {}]
    for split in facts["splits"].values():
        yield from split
        records += split["fields"]
    for record in manifest.files():
        records.append(record.model_dump())
    for record in records:
        yield from record


def test_the_format_names_every_file_and_key_of_an_artifact(tmp_path: Path) -> None:
    text = read("FORMAT.md")
    folder = text[: text.index("## The folder")]
    stated = set(re.findall(r"`(\w+)`", text))
    raw = tmp_path / "raw"
    raw.mkdir()
    write_raw(raw)
    (raw / "trees.csv").write_text("height,kind,leaf\n1,oak,round\n,elm,long\n2,oak\n" * 8)
    files, keys = set(), set()
    for kind, recipe in RECIPES.items():
        if kind == "tabular":
            recipe = recipe.replace(
                "[columns]", 'csv = { on_bad_row = "quarantine", max_bad_rows = 0.5 }\n[columns]'
            ).replace('missing = "mean" }', 'missing = "mean", scale = "standardise" }')
        sources = Sources((parse_recipe(recipe, where=kind),), raw)
        artifact = build_artifacts(sources, BuildOptions(out=tmp_path / "out"))[0].artifact
        files |= {path.relative_to(artifact).as_posix() for path in artifact.rglob("*")}
        keys |= set(keys_of(artifact))
    # The tree shows splits called train, and one generation of each stage.
    names = {re.sub("^validation", "train", path.rpartition("/")[2]) for path in files}
    names = {re.sub("^(clean|shards)-[0-9a-f]{12}$", r"\1-", name) for name in names}
    assert {"train.rejected-00000.parquet", "vocab.txt", "clean-", "manifest.json"} < names
    assert {name for name in names - {".lock"} if name not in folder} == set()
    assert "`.lock`" in text
    assert {"offset", "longest", "padding_id", "ragged", "left_out"} < keys
    assert keys - stated == set()


def test_the_format_names_every_key_of_a_model() -> None:
    text = read("FORMAT.md").split("## Model folders")[1]
    stated = set(re.findall(r"`(\w+)`", text))
    for record in (ModelFacts, TrainedOn, SavedPreprocessor, SavedVocabulary):
        assert set(record.model_fields) - stated == set(), record
    assert f"version {ModelFacts.model_fields['version'].default}" in text


def test_every_test_file_that_is_named_exists() -> None:
    text = read("docs/reference/training.md") + read("CONTRIBUTING.md")
    named = set(re.findall(r"`(tests/[\w/]+\.py)`", text))
    assert named
    assert [name for name in named if not (ROOT / name).is_file()] == []
