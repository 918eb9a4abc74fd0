"""Hold-outs of whole groups."""

from pathlib import Path

import pytest
from small_parts import build, cleaned

from shardmill.errors import RecipeError
from shardmill.raw.work_sizes import WorkSizes

RECIPE = """
name = "toy"
kind = "tabular"
csv = { on_bad_row = "quarantine", max_bad_rows = 0.5 }
target = { column = "y", classes = ["0", "1"] }
splits.train.csv.path = "t.csv"
splits.validation.hold_out = { split = "train", fraction = 0.25, group = "user" }
splits.test.hold_out = { split = "train", fraction = 0.25, group = "user" }
[columns]
user = { dtype = "str", drop = true }
n = { dtype = "int64" }
y = { dtype = "int64", missing = "drop" }
"""
TEXTS = """
name = "toy"
kind = "text"
splits.train.csv.path = "t.csv"
splits.validation.hold_out = { split = "train", fraction = 0.25, group = "user" }
[text]
columns = ["user", "n", "y"]
join = ["n"]
"""
SMALL = WorkSizes(chunk_bytes=200, smallest_part_bytes=700)
N = 2_000


def raw(tmp_path: Path, rows: int = N) -> Path:
    (tmp_path / "raw").mkdir(exist_ok=True)
    # Rows of one user are far from each other; some rows are bad, and some are dropped.
    lines = []
    for n in range(rows):
        cell, label = ("x" if n % 50 == 7 else n), ("" if n % 40 == 3 else n % 2)
        lines.append(f"{' ' * (n % 3 == 0)}u{n * 7919 % 97},{cell},{label}")
    (tmp_path / "raw/t.csv").write_text("user,n,y\n" + "\n".join(lines) + "\n")
    return tmp_path / "raw"


def users(folder: Path, split: str) -> set[int]:
    return {n * 7919 % 97 for n in map(int, cleaned(folder, split)["n"].to_pylist())}


@pytest.mark.parametrize("workers", [1, 2])
def test_no_group_is_in_two_splits(tmp_path: Path, workers: int) -> None:
    folder = raw(tmp_path)
    build(RECIPE, folder, tmp_path / "out", sizes=SMALL, workers=workers)
    splits = {s: users(tmp_path / "out/toy", s) for s in ("train", "validation", "test")}
    assert sum(map(len, splits.values())) == 97
    assert set.union(*splits.values()) == set(range(97))
    # 97 groups are drawn one by one, so the shares are near a quarter each.
    assert 12 <= len(splits["validation"]) <= 36
    assert 12 <= len(splits["test"]) <= 36
    rows = sum(len(cleaned(tmp_path / "out/toy", split)) for split in splits)
    assert rows == sum(n % 50 != 7 and n % 40 != 3 for n in range(N))


def test_a_group_stays_where_it_is_when_rows_are_added(tmp_path: Path) -> None:
    found = []
    for rows in (N, 2 * N):
        build(RECIPE, raw(tmp_path, rows), tmp_path / "out", sizes=SMALL)
        found.append(users(tmp_path / "out/toy", "validation"))
    assert found[0] == found[1]


def test_texts_and_another_seed(tmp_path: Path) -> None:
    folder = raw(tmp_path)
    found = []
    for seed in (0, 1):
        recipe = TEXTS.replace('group = "user"', f'group = "user", seed = {seed}')
        build(recipe, folder, tmp_path / "out", sizes=SMALL)
        texts = cleaned(tmp_path / "out/toy", "validation")["text"].to_pylist()
        found.append({int(text) * 7919 % 97 for text in texts if text != "x"})
        others = cleaned(tmp_path / "out/toy", "train")["text"].to_pylist()
        assert found[-1].isdisjoint(int(text) * 7919 % 97 for text in others if text != "x")
    assert found[0] != found[1]


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ('group = "nobody"', "splits.validation.hold_out.group: no column 'nobody'"),
        ('group = "user", stratify = true', "stratify: a group may have rows of several classes"),
    ],
)
def test_faults(tmp_path: Path, key: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        build(TEXTS.replace('group = "user"', key), raw(tmp_path), tmp_path / "out")
