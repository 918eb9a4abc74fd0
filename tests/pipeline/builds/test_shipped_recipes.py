"""Every shipped recipe builds from small files in the form of the published ones."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from building import build
from published_rows import IMAGES, write_published

import shardmill
from shardmill.pipeline.builds.find_sources import find_sources
from shardmill.pipeline.sample.write_sample import SAMPLE_DATASETS
from shardmill.recipe.load_recipe import STARTERS, load_recipe, shipped_recipes

OTHERS = [name for name in shipped_recipes() if name not in STARTERS]
# The names of the classes of both train rows, where there are classes.
CLASSES = {
    "adult": ["<=50K", ">50K"],
    "amazon_full": ["2 stars", "1 star"],
    "amazon_polarity": ["positive", "negative"],
    "dbpedia": ["WrittenWork", "Company"],
    "emnist": ["9", "3"],
    "fashion_mnist": ["Ankle boot", "Dress"],
    "imdb": ["positive", "negative"],
    "iris": ["Iris-setosa", "Iris-virginica"],
    "kmnist": ["wo", "tsu"],
    "qmnist": ["9", "3"],
    "sms_spam": ["spam", "ham"],
    "yahoo_answers": ["Politics & Government", "Computers & Internet"],
    "yelp_full": ["2 stars", "1 star"],
    "yelp_polarity": ["positive", "negative"],
}


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("raw")
    write_published(folder)
    return folder


def train_rows(name: str, raw: Path, out: Path) -> Any:
    """The train split, from which a fraction of the two rows is too small to be held out."""
    return shardmill.open(build(load_recipe(name), raw, out), split="train")


@pytest.mark.parametrize("name", OTHERS)
def test_it_builds_and_knows_its_classes(name: str, raw: Path, tmp_path: Path) -> None:
    dataset = train_rows(name, raw, tmp_path)
    assert len(dataset) == 2
    if name in CLASSES:
        assert [dataset.classes[label] for label in dataset[:][1].tolist()] == CLASSES[name]
    else:
        assert dataset.classes is None


@pytest.mark.parametrize(
    ("name", "tokens"),
    [
        ("amazon_full", ["great it is great really", "no"]),
        ("yelp_polarity", ["great value friendly", "so so"]),
        ("dbpedia", ["some book about it", "a company it sells"]),
        ("yahoo_answers", ["who me", "why not i ask so"]),
        ("sms_spam", ["winner call now", "ok lar joking"]),
        ("imdb", ["one of them go", "of them"]),
    ],
)
def test_texts_are_clean(name: str, tokens: list[str], raw: Path, tmp_path: Path) -> None:
    artifact = build(load_recipe(name), raw, tmp_path)
    (file,) = artifact.glob("clean-*/train-*.parquet")
    texts = pq.read_table(file).column("text").to_pylist()
    assert [" ".join(text.split()) for text in texts] == tokens


@pytest.mark.parametrize("name", ["emnist", "kmnist"])
def test_emnist_is_turned_the_right_way_round(name: str, raw: Path, tmp_path: Path) -> None:
    x = train_rows(name, raw, tmp_path)[:][0].numpy()
    expected = IMAGES.transpose(0, 2, 1) if name == "emnist" else IMAGES
    np.testing.assert_array_equal(x, expected[:, None])


def test_a_class_of_adult_may_have_a_dot(raw: Path, tmp_path: Path) -> None:
    artifact = build(load_recipe("adult"), raw, tmp_path)
    x, y = shardmill.open(artifact, split="test")[:]
    assert y.tolist() == [0]
    train = shardmill.open(artifact, split="train")
    second = dict(zip(train.features, train[1][0].tolist(), strict=True))
    assert second["workclass=<missing>"] == second["native-country=<missing>"] == 1
    assert "fnlwgt" not in second and len(second) == x.shape[1]


def test_numbers_are_targets(raw: Path, tmp_path: Path) -> None:
    assert train_rows("california_housing", raw, tmp_path)[:][1].tolist() == [452600, 161900]
    assert train_rows("wine_quality_red", raw, tmp_path)[:][1].tolist() == [5, 6]


def test_all_are_built_whose_raw_files_are_there(raw: Path) -> None:
    sources = find_sources((), raw=raw)
    assert [recipe.name for recipe in sources.recipes] == OTHERS
    assert sources.note == ""


def test_a_folder_without_its_raw_files_is_noted(raw: Path, tmp_path: Path) -> None:
    (tmp_path / "iris").mkdir()
    (tmp_path / "iris/iris.data").write_bytes((raw / "iris/iris.data").read_bytes())
    (tmp_path / "kmnist").mkdir()
    sources = find_sources((), raw=tmp_path)
    assert [recipe.name for recipe in sources.recipes] == ["iris"]
    assert sources.note == f"no raw files of kmnist in {tmp_path}"


def test_there_are_samples_for_those_that_commands_start_with() -> None:
    assert set(SAMPLE_DATASETS) == set(STARTERS)
