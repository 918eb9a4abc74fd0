"""Which splits there are files for, and files that would be read twice."""

from pathlib import Path

import pytest

from shardmill.errors import InputError, MissingRawFileError
from shardmill.pipeline.builds.present_recipe import present_recipe
from shardmill.raw.raw_files import find_raw_files
from shardmill.recipe.any_recipe import AnyRecipe
from shardmill.recipe.load_recipe import parse_recipe


def recipe(splits: str) -> AnyRecipe:
    text = 'name = "toy"\nkind = "text"\ntext = { columns = ["x"], join = ["x"] }\n[splits]\n'
    return parse_recipe(text + splits, where="toy")


def present(recipe: AnyRecipe, folder: Path) -> AnyRecipe:
    return present_recipe(recipe, find_raw_files(recipe, folder))


def put(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).write_bytes(b"x\n")


def test_an_optional_split_is_absent_if_none_of_its_files_is_there(tmp_path: Path) -> None:
    two = 'test = { optional = true, csv = [{ path = "a.csv" }, { path = "b.csv" }] }'
    wanted = recipe(f'train.csv.path = "train.csv"\n{two}')
    put(tmp_path, "train.csv")
    assert set(present(wanted, tmp_path).splits) == {"train"}
    put(tmp_path, "a.csv")
    with pytest.raises(MissingRawFileError, match=r"b\.csv: expected a raw file"):
        present(wanted, tmp_path)
    put(tmp_path, "b.csv")
    assert set(present(wanted, tmp_path).splits) == {"train", "test"}


@pytest.mark.parametrize(
    ("splits", "names", "fault"),
    [
        (
            'train.csv.path = "*.csv"\ntest.csv.path = "test.csv"',
            ["a.csv", "test.csv"],
            r"test\.csv: .*found one that \*\.csv and test\.csv both take in",
        ),
        (
            'train.csv = [{ path = "a*.csv" }, { path = "ab.csv" }]',
            ["a.csv", "ab.csv"],
            r"ab\.csv: .*found one that a\*\.csv and ab\.csv both take in",
        ),
        (
            'train.csv.path = "train-*"',
            ["train-1.csv", "train-1.csv.gz"],
            r"train-1\.csv\.gz: .*found train-1\.csv, which train-\* has taken in",
        ),
    ],
)
def test_no_row_is_read_twice(tmp_path: Path, splits: str, names: list[str], fault: str) -> None:
    put(tmp_path, *names)
    with pytest.raises(InputError, match=fault):
        present(recipe(splits), tmp_path)
