"""Hold-outs of the last rows of a split, in the order of its files."""

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, strategies as st
from small_parts import build, cleaned, contents, left_out, parts, remains

from shardmill.errors import EmptyFileError, RecipeError
from shardmill.format.manifest import Manifest
from shardmill.format.verify_artifact import verify_artifact
from shardmill.pipeline.sample.write_idx import encode_idx
from shardmill.pipeline.stages.hold_out_last import last_rows
from shardmill.raw.work_sizes import WorkSizes
from shardmill.recipe.load_recipe import parse_recipe

TABLE = """
name = "toy"
kind = "tabular"
csv = { on_bad_row = "quarantine", max_bad_rows = 0.5 }
target = { column = "y", classes = ["0", "1"] }
splits.train.csv = [
    { path = "b.csv", where = { use = "yes" } },
    { path = "a.csv", where = { use = "yes" } },
]
splits.validation.hold_out = { split = "train", fraction = 0.15, last = true }
splits.other.csv = { path = "a.csv", where = { use = "no" } }
splits.test.hold_out = { split = "train", fraction = 0.2, last = true }
splits.rest.hold_out = { split = "other", fraction = 0.5 }
[columns]
use = { dtype = "str", drop = true }
n = { dtype = "float64", scale = "standardise" }
y = { dtype = "int64", missing = "drop" }
"""
TEXTS = """
name = "toy"
kind = "text"
splits.train.csv.path = "?.csv"
splits.validation.hold_out = { split = "train", fraction = 0.3, last = true }
[text]
columns = ["use", "n", "y"]
join = ["n", "use"]
"""
SMALL = WorkSizes(chunk_bytes=200, smallest_part_bytes=700, row_group_rows=40)
SPLITS = ("train", "validation", "test")
N = 1_000


def raw(tmp_path: Path) -> Path:
    (tmp_path / "raw").mkdir(exist_ok=True)
    # Some rows are bad, some are dropped, and some belong to another split.
    lines = [
        f"{'no' if n % 10 == 9 else 'yes'},{'x' if n % 50 == 7 else n},{'' if n % 40 == 3 else 0}"
        for n in range(N)
    ]
    for name, own in (("b", lines[: N // 4]), ("a", lines[N // 4 :])):
        (tmp_path / f"raw/{name}.csv").write_text("\n".join(["use,n,y", *own, ""]))
    return tmp_path / "raw"


KEPT = [n for n in range(N) if n % 10 != 9 and n % 50 != 7 and n % 40 != 3]


@pytest.mark.parametrize("sizes", [SMALL, WorkSizes()])
def test_the_last_rows_that_were_kept(tmp_path: Path, sizes: WorkSizes) -> None:
    folder = raw(tmp_path)
    build(TABLE, folder, tmp_path / "1", sizes=sizes)
    artifact = tmp_path / "1/toy"
    found = {split: cleaned(artifact, split)["n"].to_pylist() for split in SPLITS}
    counts = {"validation": len(KEPT) * 15 // 100, "test": len(KEPT) // 5}
    stay = len(KEPT) - sum(counts.values())
    assert found == {
        "train": KEPT[:stay],
        "validation": KEPT[stay : -counts["test"]],
        "test": KEPT[-counts["test"] :],
    }
    # What is learnt comes from the rows that stay.
    statistics = Manifest.load(artifact).statistics["n"]
    assert statistics.offset == pytest.approx(np.mean(KEPT[:stay]))
    lines = left_out(artifact)["line"].to_pylist()
    assert len(lines) == sum(n % 10 != 9 and (n % 50 == 7 or n % 40 == 3) for n in range(N))
    verify_artifact(artifact)
    assert not [*artifact.rglob("*.whole"), *remains(artifact)]


@pytest.mark.parametrize("recipe", [TABLE, TEXTS])
def test_workers_and_stages_leave_no_trace(tmp_path: Path, recipe: str) -> None:
    folder = raw(tmp_path)
    build(recipe, folder, tmp_path / "1", sizes=SMALL)
    expected = contents(tmp_path / "1")
    assert len(parts(tmp_path / "1/toy")) > 3
    assert len(parts(tmp_path / "1/toy", "validation")) > 1
    build(recipe, folder, tmp_path / "2", sizes=SMALL, workers=2)
    assert contents(tmp_path / "2") == expected
    for stage, workers in (("clean", 2), ("shard", 1)):
        build(recipe, folder, tmp_path / "3", sizes=SMALL, workers=workers, stages=(stage,))
    assert contents(tmp_path / "3") == expected


def test_texts_of_all_files_that_match(tmp_path: Path) -> None:
    build(TEXTS, raw(tmp_path), tmp_path / "out", sizes=SMALL)
    rows = {s: cleaned(tmp_path / "out/toy", s)["text"].to_pylist() for s in SPLITS[:2]}
    order = [*range(N // 4, N), *range(N // 4)]  # a.csv comes before b.csv
    numbers = [text.split()[0] for split in rows.values() for text in split]
    assert numbers == ["x" if n % 50 == 7 else str(n) for n in order]
    assert len(rows["validation"]) == N * 3 // 10


def test_images(tmp_path: Path) -> None:
    recipe = """
    name = "toy"
    kind = "image"
    splits.train = { images.path = "images", labelled = false }
    splits.validation.hold_out = { split = "train", fraction = 0.25, last = true }
    """
    images = np.arange(4_000, dtype=np.uint8).reshape(1_000, 2, 2)
    (tmp_path / "images").write_bytes(encode_idx(images))
    build(recipe, tmp_path, tmp_path / "out", sizes=SMALL)
    table = cleaned(tmp_path / "out/toy", "validation")
    assert len(parts(tmp_path / "out/toy", "validation")) > 1
    assert Manifest.load(tmp_path / "out/toy").statistics["image"].mean == pytest.approx(
        images[:750].mean()
    )
    assert len(table) == 250


def test_too_few_rows_to_give_one(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("use,n,y\na,b,c\n")
    outcome = build(TEXTS, tmp_path, tmp_path / "out")
    assert outcome.rows == {"train": 1, "validation": 0}
    assert outcome.notes == ("validation has no rows",)
    (tmp_path / "a.csv").write_text("use,n,y\n")
    with pytest.raises(EmptyFileError, match=r"found none; "):
        build(TEXTS, tmp_path, tmp_path / "out")


@given(
    st.integers(0, 10**6),
    st.lists(st.integers(1, 450).map(lambda n: Fraction(n, 1000)), min_size=1, max_size=2),
)
def test_every_row_goes_to_one_split(rows: int, fractions: list[Fraction]) -> None:
    names = ["validation", "test"][: len(fractions)]
    held_out = "".join(
        f"splits.{name}.hold_out = {{ split = 'train', fraction = {float(f)}, last = true }}\n"
        for name, f in zip(names, fractions, strict=True)
    )
    text = TEXTS.replace("splits.validation", "#").replace("[text]", f"{held_out}[text]")
    given: Mapping[str, tuple[int, int]] = last_rows(parse_recipe(text, where=""), "train", rows)
    assert list(given) == ["train", *names]
    borders = [border for share in given.values() for border in share]
    assert (borders[0], borders[-1]) == (0, rows)
    assert borders[1:-1:2] == borders[2::2]
    for name, fraction in zip(names, fractions, strict=True):
        assert given[name][1] - given[name][0] == rows * fraction // 1


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("seed = 0", "seed: the last rows are not drawn, so leave it out"),
        ("stratify = false", "stratify: the last rows are not drawn, so leave it out"),
        ('group = "use"', "group: the last rows are not drawn, so leave it out"),
    ],
)
def test_nothing_is_drawn(tmp_path: Path, key: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        build(TEXTS.replace("last = true", f"last = true, {key}"), tmp_path, tmp_path / "out")


def test_last_rows_beside_rows_that_are_drawn(tmp_path: Path) -> None:
    other = 'splits.test.hold_out = { split = "train", fraction = 0.1 }\n[text]'
    message = "splits: all that is held out of train must be its last rows"
    with pytest.raises(RecipeError, match=message):
        build(TEXTS.replace("[text]", other), tmp_path, tmp_path / "out")
