"""The documents say what is there."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from golden_build import RECIPES, write_raw

from shardmill import errors
from shardmill.cli import COMMANDS, main
from shardmill.format.manifest import Manifest
from shardmill.format.read_checked import read_raw_records
from shardmill.pipeline.builds.build_artifacts import BuildOptions, build_artifacts
from shardmill.pipeline.builds.find_sources import Sources
from shardmill.recipe.load_recipe import parse_recipe
from shardmill.recipe.tabular_column import Column
from shardmill.serve.model_folder import ModelFacts, TrainedOn
from shardmill.serve.saved_preprocessor import SavedPreprocessor, SavedVocabulary

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


def test_recipes_in_the_documents_are_valid() -> None:
    whole = re.findall(
        r"```toml\n(name = .*?)```", read("ARCHITECTURE.md") + read("README.md"), re.S
    )
    parts = re.findall(r"```toml\n(\[columns\].*?)```", read("README.md"), re.S)
    facts = 'name = "bikes"\nkind = "tabular"\nsplits.train.csv.path = "bikes.csv"\n'
    recipes = [parse_recipe(text, where="documents") for text in whole]
    assert {recipe.kind for recipe in recipes} == {"tabular", "text"}
    assert parts
    for part in parts:
        assert parse_recipe(facts + part, where="documents").kind == "tabular"


def test_every_key_of_a_column_is_documented() -> None:
    table = read("ARCHITECTURE.md").split("### Columns of a table")[1].split("```toml")[0]
    assert set(Column.model_fields) <= set(re.findall(r"`(\w+)`", table))


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
    named = set(re.findall(r"`(tests/[\w/]+\.py)`", read("README.md") + read("CONTRIBUTING.md")))
    assert named
    assert [name for name in named if not (ROOT / name).is_file()] == []
