"""README.md names the files of each split, and Hugging Face datasets opens the artifact by it."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import bikes
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from building import build
from golden_build import RECIPES, write_raw

from shardmill.format.manifest import Manifest, SplitRecord
from shardmill.format.verify_artifact import verify_artifact
from shardmill.pipeline.builds.build_artifacts import BuildOptions, build_artifacts
from shardmill.pipeline.builds.find_sources import Sources
from shardmill.pipeline.stages.dataset_card import dataset_card, feature_metadata
from shardmill.recipe.any_recipe import AnyRecipe
from shardmill.recipe.load_recipe import load_recipe, parse_recipe

NO_COLUMNS = pa.schema([])
QUARANTINE = """
csv = { on_bad_row = "quarantine", max_bad_rows = 0.5 }
splits.test-2 = { csv.path = "bare.csv", labelled = false }
[columns]
"""


def recipe_of(kind: str, *, more: str = "") -> AnyRecipe:
    return parse_recipe(RECIPES[kind].replace("[columns]", QUARANTINE) + more, where="test")


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    folder = tmp_path / "raw"
    folder.mkdir()
    write_raw(folder)
    rows = ["1.5,oak,round", ",elm,long", "2.25,elm", "8,oak,long"]  # the third lacks a cell
    (folder / "trees.csv").write_text("\n".join(["height,kind,leaf", *rows * 4, ""]))
    (folder / "bare.csv").write_text("height,leaf\n1,round\n2,long\n")
    return folder


def files_of(card: str) -> dict[str, dict[str, list[str]]]:
    """Return the files of each split of each config, as the YAML of a card lists them."""
    head, _, yaml = card.partition("---\n")
    assert head == ""
    configs: dict[str, dict[str, list[str]]] = {}
    for line in yaml.partition("\n---\n")[0].splitlines():
        key, _, value = line.strip().removeprefix("- ").partition(": ")
        if key == "config_name":
            splits = configs[json.loads(value)] = {}
        elif key == "split":
            files = splits[json.loads(value)] = []
        elif line.startswith("    - "):
            files.append(json.loads(line.strip().removeprefix("- ")))
    return configs


def paths(split: SplitRecord) -> list[str]:
    return [file.path for file in split.parquet]


def test_the_files_of_each_split_and_no_rows_that_were_left_out(raw: Path) -> None:
    artifact = build(recipe_of("tabular"), raw, raw.parent)
    manifest = Manifest.load(artifact)
    assert manifest.splits["train"].left_out
    assert files_of((artifact / "README.md").read_text()) == {
        "default": {
            "train": paths(manifest.splits["train"]),
            "validation": paths(manifest.splits["validation"]),
        },
        "unlabelled": {"test_2": paths(manifest.splits["test-2"])},
    }


def with_splits(manifest: Manifest, names: Sequence[str]) -> Manifest:
    train = manifest.splits["train"]
    return manifest.model_copy(update={"splits": dict.fromkeys(("train", *names), train)})


def test_names_of_splits_stay_different(raw: Path) -> None:
    manifest = with_splits(Manifest.load(build(recipe_of("text"), raw, raw.parent)), ["a-b", "a_b"])
    assert list(files_of(dataset_card(manifest).decode())["default"]) == ["train", "a_b_", "a_b"]


def test_a_split_without_rows_has_no_files(raw: Path) -> None:
    manifest = with_splits(Manifest.load(build(recipe_of("text"), raw, raw.parent)), [])
    empty = manifest.splits["train"].model_copy(update={"parquet": (), "rows": 0})
    both = manifest.model_copy(update={"splits": {**manifest.splits, "test": empty}})
    assert list(files_of(dataset_card(both).decode())["default"]) == ["train"]


def test_texts_of_the_recipe_are_only_text(raw: Path) -> None:
    manifest = Manifest.load(build(recipe_of("text"), raw, raw.parent))
    evil = '---\nconfigs: []\n---\n# <script>alert("1")</script> [a](b) | `c`'
    recipe = {**manifest.recipe, "description": evil}
    changed = manifest.model_copy(update={"recipe": recipe, "classes": ("<b>", "*c*")})
    card = dataset_card(changed).decode()
    assert files_of(card) == files_of(dataset_card(manifest).decode())
    assert card.count("\n---\n") == 1
    assert (
        r'--- configs: \[\] --- \# &lt;script&gt;alert("1")&lt;/script&gt; \[a\](b) \| \`c\`'
        in card
    )
    assert r"Classes: &lt;b&gt;, \*c\*." in card


def test_names_of_classes_are_in_the_parquet_files(raw: Path) -> None:
    artifact = build(recipe_of("tabular"), raw, raw.parent)
    for name, split in Manifest.load(artifact).splits.items():
        metadata = pq.read_schema(artifact / split.parquet[0].path).metadata
        assert json.loads(metadata[b"huggingface"])["info"]["features"] == {
            "kind": {"_type": "ClassLabel", "names": ["oak", "elm"]}
        }, name


def test_images_are_known_as_such(raw: Path) -> None:
    artifact = build(recipe_of("image"), raw, raw.parent)
    (file,) = Manifest.load(artifact).splits["train"].parquet
    schema = pq.read_schema(artifact / file.path)
    assert json.loads(schema.metadata[b"huggingface"])["info"]["features"] == {
        "image": {"_type": "Image"},
        "label": {"_type": "ClassLabel", "names": ["dark", "light"]},
    }
    assert str(schema.field("image").type) == "struct<bytes: binary, path: string>"


def test_only_targets_of_one_class_have_names() -> None:
    labels = feature_metadata(parse_recipe(bikes.BIKES, where="test"), NO_COLUMNS)
    features = json.loads(labels["huggingface"])["info"]["features"]
    assert features == {"returned": {"_type": "ClassLabel", "names": ["no", "yes"]}}
    # The column of a raw file may be called otherwise than that of the cleaned rows.
    labels = feature_metadata(load_recipe("ag_news"), NO_COLUMNS)
    assert list(json.loads(labels["huggingface"])["info"]["features"]) == ["label"]
    text = RECIPES["text"].replace(
        'target = { column = "label", classes = ["no", "yes"], first = 1 }', ""
    )
    assert feature_metadata(parse_recipe(text, where="test"), NO_COLUMNS) == {}


def test_people_may_write_into_a_card(raw: Path) -> None:
    recipe = recipe_of("text")
    artifact = build(recipe, raw, raw.parent)
    with (artifact / "README.md").open("a") as file:
        file.write("More about these rows.\n")
    verify_artifact(artifact)
    outcome = build_artifacts(Sources((recipe,), raw), BuildOptions(out=raw.parent))[0]
    assert outcome.status == "up to date"
    assert (artifact / "README.md").read_text().endswith("More about these rows.\n")


def test_artifacts_of_before_have_no_card(raw: Path) -> None:
    artifact = build(recipe_of("text"), raw, raw.parent)
    facts = json.loads((artifact / "manifest.json").read_text())
    del facts["card"]
    (artifact / "manifest.json").write_text(json.dumps(facts))
    (artifact / "README.md").unlink()
    verify_artifact(artifact)


@pytest.fixture
def load(tmp_path: Path) -> Any:
    # Not "datasets": in a checkout, our folder of that name looks like a package without files.
    datasets = pytest.importorskip("datasets.load", reason="it is large, and not in dev")

    def load(artifact: Path, *config: str) -> Any:
        return datasets.load_dataset(str(artifact), *config, cache_dir=str(tmp_path / "cache"))

    return load


def test_datasets_loads_a_table(raw: Path, load: Any) -> None:
    artifact = build(recipe_of("tabular"), raw, raw.parent)
    rows = {name: split.rows for name, split in Manifest.load(artifact).splits.items()}
    found = load(artifact, "default")
    assert {name: len(split) for name, split in found.items()} == {
        "train": rows["train"],
        "validation": rows["validation"],
    }
    assert found["train"].features["kind"].names == ["oak", "elm"]
    assert found["train"].features["kind"].int2str(found["train"][0]["kind"]) in ("oak", "elm")
    assert len(load(artifact, "unlabelled")["test_2"]) == rows["test-2"]


def test_datasets_loads_images_and_texts(raw: Path, load: Any) -> None:
    images = load(build(recipe_of("image"), raw, raw.parent))["train"]
    picture = images[3]["image"]
    assert (picture.mode, picture.size) == ("L", (3, 2))
    assert list(picture.tobytes()) == list(range(18, 24))
    assert [images.features["label"].int2str(label) for label in images["label"]] == [
        "dark",
        "light",
        "light",
        "dark",
    ]
    texts = load(build(recipe_of("text"), raw, raw.parent))["train"]
    assert texts["text"][1].split() == ["sun", "it", "s", "sunny"]
    assert texts.features["label"].names == ["no", "yes"]
