"""One object builds the shards and serves predictions: raw rows in, tensors out."""

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch
import xxhash
from bikes import bikes_recipe, write_raw
from building import build
from fit_rows import fit_preprocessor
from tokenizers import Regex, Tokenizer, models, pre_tokenizers

from shardmill.errors import (
    DamagedFileError,
    InputError,
    ManifestError,
    MissingArtifactError,
    OutputError,
    UnknownCategoryError,
    ValueFormatError,
)
from shardmill.format.batch import Bag, Padded
from shardmill.format.layout import Field
from shardmill.format.manifest import FileRecord, Manifest, SplitRecord, VocabularyRecord
from shardmill.format.ragged import Ragged
from shardmill.kinds.find_kind import find_kind
from shardmill.kinds.text import fitted_with
from shardmill.raw.image_table import image_table
from shardmill.recipe.any_recipe import AnyRecipe
from shardmill.recipe.load_recipe import parse_recipe
from shardmill.recipe.tabular_recipe import TabularRecipe
from shardmill.serve.preprocessor import Preprocessor
from shardmill.text.load_vocab import vocab_bytes
from shardmill.text.vocab import Vocab

TABULAR = parse_recipe(
    """
    name = "trees"
    kind = "tabular"
    [columns]
    id = { dtype = "int64", drop = true }
    old = { dtype = "int64" }
    rings = { dtype = "int64", missing = "keep" }
    height = { dtype = "float64", missing = "median" }
    kind = { dtype = "str", map = { oak = 0, fir = 1 }, missing = "drop" }
    [target]
    column = "old"
    classes = ["no", "yes"]
    [splits.train.csv]
    path = "train.csv"
    """,
    where="here",
)
IMAGE = parse_recipe(
    """
    name = "leaves"
    kind = "image"
    [target]
    classes = ["oak", "fir"]
    [splits.train]
    images = { path = "images" }
    labels = { path = "labels" }
    """,
    where="here",
)
TEXT = parse_recipe(
    """
    name = "notes"
    kind = "text"
    [text]
    columns = ["class", "title", "body"]
    join = ["title", "body"]
    clean = ["alphanumeric", "lowercase"]
    [target]
    column = "class"
    classes = ["a", "b"]
    first = 1
    [splits.train.csv]
    path = "notes.csv"
    """,
    where="here",
)


def string_table(**columns: Sequence[str | None]) -> pa.Table:
    return pa.table({name: pa.array(cells, pa.string()) for name, cells in columns.items()})


TREES = string_table(
    id=["1", "2", "3", "4"],
    old=["yes", "no", "no", "yes"],
    rings=["90", None, "5", "7"],
    height=["30", "2", None, "4"],
    kind=["oak", "fir", "fir", None],  # the last row is dropped
)
PIXELS = np.arange(3 * 2 * 4, dtype=np.uint8).reshape(3, 2, 4)
LEAVES = image_table(PIXELS, label=pa.array([1, 0, 1], pa.uint8()))
NOTES = string_table(**{"class": ["1", "2"], "title": ["Tea", "The tea"], "body": ["!", "is hot."]})


def fit(recipe: AnyRecipe, raw: pa.Table) -> tuple[Preprocessor, pa.Table]:
    table = find_kind(recipe).clean(recipe, raw, labelled=True).table
    return fit_preprocessor(recipe, iter([table])), table


@pytest.fixture(scope="module")
def trees() -> Preprocessor:
    return fit(TABULAR, TREES)[0]


@pytest.fixture(scope="module")
def leaves() -> Preprocessor:
    return fit(IMAGE, LEAVES)[0]


@pytest.fixture(scope="module")
def notes() -> Preprocessor:
    return fit(TEXT, NOTES)[0]  # <unk> <pad> tea hot is the


def same(found: object, expected: list[Any], dtype: torch.dtype = torch.float32) -> None:
    assert isinstance(found, torch.Tensor)
    torch.testing.assert_close(found, torch.tensor(expected, dtype=dtype), equal_nan=True)


def same_text(found: object, ids: list[list[int]], lengths: list[int]) -> None:
    assert isinstance(found, Padded)
    assert found.ids.dtype == torch.int32
    assert found.lengths.dtype == torch.int64
    assert (found.ids.tolist(), found.lengths.tolist()) == (ids, lengths)


# Building


def test_label_column() -> None:
    recipes = (TABULAR, IMAGE, TEXT)
    columns = [find_kind(recipe).label_column(recipe) for recipe in recipes]
    assert columns == ["old", "label", "label"]
    for recipe in (TABULAR, IMAGE, TEXT):
        without = recipe.model_copy(update={"target": None})
        assert find_kind(without).label_column(without) is None


@pytest.mark.parametrize(
    ("recipe", "raw", "x", "y"),
    [
        (TABULAR, TREES, Field.input("float32", (3,)), Field.target("class", "uint8")),
        (IMAGE, LEAVES, Field.input("uint8", (1, 2, 4)), Field.target("class", "int64")),
        (TEXT, NOTES, Field.input("int32", ragged=True), Field.target("class", "int64")),
    ],
)
def test_fields(recipe: AnyRecipe, raw: pa.Table, x: Field, y: Field) -> None:
    preprocessor, table = fit(recipe, raw)
    assert preprocessor.fields(labelled=True) == (x, y)
    assert preprocessor.fields(labelled=False) == (x,)
    assert list(preprocessor.encode(table, labelled=True)) == ["x", "y"]
    assert list(preprocessor.encode(table, labelled=False)) == ["x"]
    facts: dict[str, Any] = {"target": None}
    if isinstance(recipe, TabularRecipe):
        facts["columns"] = {n: c for n, c in recipe.columns.items() if n != "old"}
    untargeted = Preprocessor(recipe.model_copy(update=facts), preprocessor.fitted)
    assert untargeted.fields(labelled=True) == (x,)
    assert list(untargeted.encode(table, labelled=True)) == ["x"]


def test_encode_tabular() -> None:
    preprocessor, table = fit(TABULAR, TREES)
    encoded = preprocessor.encode(table, labelled=True)
    x, y = encoded["x"], encoded["y"]
    assert isinstance(x, np.ndarray)
    assert isinstance(y, np.ndarray)
    # the median of 30 and 2 fills the third height: the dropped row's 4 does not count
    expected = np.array([[90, 30, 0], [np.nan, 2, 1], [5, 16, 1]], np.float32)
    np.testing.assert_array_equal(x, expected)
    assert (y.dtype, y.tolist()) == (np.dtype(np.uint8), [1, 0, 0])


def test_encode_image() -> None:
    preprocessor, table = fit(IMAGE, LEAVES)
    encoded = preprocessor.encode(table, labelled=True)
    x, y = encoded["x"], encoded["y"]
    assert isinstance(x, np.ndarray)
    assert isinstance(y, np.ndarray)
    np.testing.assert_array_equal(x, PIXELS[:, None])
    assert (x.dtype, y.dtype, y.tolist()) == (np.dtype(np.uint8), np.dtype(np.int64), [1, 0, 1])


def test_encode_text() -> None:
    preprocessor, table = fit(TEXT, NOTES)
    encoded = preprocessor.encode(table, labelled=True)
    x, y = encoded["x"], encoded["y"]
    assert isinstance(x, Ragged)
    assert isinstance(y, np.ndarray)
    assert preprocessor.fitted.vocab is not None
    assert preprocessor.fitted.vocab.get_itos() == ["<unk>", "<pad>", "tea", "hot", "is", "the"]
    assert (x.values.tolist(), x.sizes.tolist()) == ([2, 5, 2, 4, 3], [1, 4])
    assert y.tolist() == [0, 1]


# Serving

TREE_ROWS: list[dict[str, Any]] = [
    {"rings": 90, "height": 30.5, "kind": "oak"},
    {"rings": None, "height": None, "kind": "fir"},
    {"rings": math.nan, "height": math.nan, "kind": "fir"},
    {"rings": "7", "height": "-2e1", "kind": "oak"},
]
TREE_TENSOR = [[90, 30.5, 0], [math.nan, 16, 1], [math.nan, 16, 1], [7, -20, 0]]


def test_list_of_dicts(trees: Preprocessor) -> None:
    same(trees(TREE_ROWS), TREE_TENSOR)
    same(trees(tuple(TREE_ROWS)), TREE_TENSOR)
    same(trees(TREE_ROWS[:1]), TREE_TENSOR[:1])


def test_columns_that_are_no_features_are_ignored(trees: Preprocessor) -> None:
    more = [{"old": "maybe", "extra": object(), **row, "id": "x"} for row in TREE_ROWS]
    same(trees(more), TREE_TENSOR)


def test_data_frame(trees: Preprocessor) -> None:
    frame = pd.DataFrame(
        {
            "kind": ["oak", "fir", "fir"],  # in another order than the recipe's
            "height": [30.5, None, 4],
            "rings": [90, 1, 2],
        },
        index=[7, 7, 9],
    )
    expected = [[90, 30.5, 0], [1, 16, 1], [2, 4, 1]]
    same(trees(frame), expected)
    # pandas makes floats of integers where one is missing, and has dtypes of its own
    same(
        trees(frame.assign(rings=[90.0, math.nan, 2.0])),
        [expected[0], [math.nan, 16, 1], expected[2]],
    )
    same(trees(frame.assign(kind=frame["kind"].astype("category"))), expected)
    same(trees(frame.astype({"rings": "Int64", "kind": "object"})), expected)
    same(trees(frame[1:]), expected[1:])


def test_no_rows(trees: Preprocessor) -> None:
    found = trees(pd.DataFrame({"rings": [], "height": [], "kind": []}))
    assert isinstance(found, torch.Tensor)
    assert (found.shape, found.dtype) == ((0, 3), torch.float32)


def test_arrow_table(trees: Preprocessor) -> None:
    columns = {"rings": [90, None], "height": [30.5, None], "kind": ["oak", "fir"]}
    expected = [[90, 30.5, 0], [math.nan, 16, 1]]
    table = pa.table(columns)
    same(trees(table), expected)
    same(trees(table.slice(1)), expected[1:])
    same(trees(pa.concat_tables([table, table])), expected * 2)
    same(trees(TREES.slice(0, 3)), [[90, 30, 0], [math.nan, 2, 1], [5, 16, 1]])


def test_serving_equals_building(trees: Preprocessor) -> None:
    cleaned = find_kind(TABULAR).clean(TABULAR, TREES, labelled=True).table
    built = trees.encode(cleaned, labelled=True)["x"]
    assert isinstance(built, np.ndarray)
    same(trees(TREES.slice(0, 3)), built.tolist())
    same(trees(TREES.slice(0, 3).to_pylist()), built.tolist())
    same(trees(TREES.slice(0, 3).to_pandas()), built.tolist())


@pytest.mark.parametrize(
    ("row", "error", "message"),
    [
        (
            {"kind": "elm"},
            UnknownCategoryError,
            "column kind: expected one of oak, fir, found 'elm'",
        ),
        ({"height": "tall"}, ValueFormatError, "column height: expected a finite float64, found"),
        ({"height": math.inf}, ValueFormatError, "column height: expected a finite float64, found"),
        ({"rings": 1.5}, ValueFormatError, "column rings: expected a finite int64, found '1.5'"),
        # a row that building would have dropped
        ({"kind": None}, InputError, "expected a row that the recipe keeps, found kind is missing"),
    ],
)
def test_rows_that_are_refused(
    trees: Preprocessor, row: dict[str, Any], error: type[InputError], message: str
) -> None:
    rows = [*TREE_ROWS[:2], {**TREE_ROWS[0], **row}]
    with pytest.raises(error, match=f"^row 2(, |: ){message}"):
        trees(rows)
    with pytest.raises(error, match=f"^row 0(, |: ){message}"):
        trees(pd.DataFrame(rows[2:]))


def test_images(leaves: Preprocessor) -> None:
    same(leaves(PIXELS), PIXELS[:, None].tolist(), torch.uint8)
    same(leaves(PIXELS[::-1]), PIXELS[::-1, None].tolist(), torch.uint8)
    same(leaves(PIXELS[:, None]), PIXELS[:, None].tolist(), torch.uint8)


def test_no_images(leaves: Preprocessor) -> None:
    found = leaves(PIXELS[:0])
    assert isinstance(found, torch.Tensor)
    assert (found.shape, found.dtype) == ((0, 1, 2, 4), torch.uint8)


def test_what_is_returned_is_a_copy(leaves: Preprocessor) -> None:
    pixels = PIXELS.copy()
    found = leaves(pixels)
    assert isinstance(found, torch.Tensor)
    found.fill_(9)
    np.testing.assert_array_equal(pixels, PIXELS)


def test_texts(notes: Preprocessor) -> None:
    # <pad> fills up, <unk> stands for cold
    same_text(
        notes(["The TEA is cold!", "hot", ""]), [[5, 2, 4, 0], [3, 1, 1, 1], [1] * 4], [4, 1, 0]
    )
    same_text(notes(("tea",)), [[2]], [1])
    same_text(notes([""]), [[]], [0])
    same_text(notes(["é", "tea"]), [[0], [2]], [1, 1])


def test_texts_are_encoded_without_a_look_at_the_whole_vocabulary(
    notes: Preprocessor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(Vocab, "get_itos")
    same_text(notes(["tea is cold"]), [[2, 4, 0]], [3])


def own_tokenizer() -> Preprocessor:
    # Columns are joined with spaces, which this tokenizer makes ids of.
    tokenizer = Tokenizer(models.WordLevel({"?": 0, "a": 1, " ": 2}, unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    recipe = parse_recipe(
        """
        name = "own"
        kind = "text"
        text = { columns = ["a", "b"], join = ["a", "b"], tokenizer_file.path = "t" }
        splits.train.csv.path = "t"
        """,
        where="here",
    )
    vocab = Vocab(["?", "a", " "], default_index=0)
    return Preprocessor(recipe, fitted_with(vocab, "?", None, tokenizer.to_str()))


def test_a_text_is_taken_as_it_is() -> None:
    own = own_tokenizer()
    same_text(own(["a a", ""]), [[1, 2, 1], [0, 0, 0]], [3, 0])
    same_text(own(pd.DataFrame({"a": ["a"], "b": ["a"]})), [[1, 2, 1]], [3])


def test_nothing_to_encode(trees: Preprocessor, notes: Preprocessor) -> None:
    found = trees([])
    assert isinstance(found, torch.Tensor)
    assert found.shape == (0, 3)
    same_text(notes([]), [], [])


def test_tables_of_texts(notes: Preprocessor) -> None:
    columns = {"body": ["is hot", ""], "title": ["Tea", "the"]}  # the recipe joins title, then body
    expected = [[2, 4, 3], [5, 1, 1]], [3, 1]
    same_text(notes(pa.table(columns)), *expected)
    same_text(notes(pd.DataFrame(columns)), *expected)
    same_text(notes(pa.table(columns).slice(1)), [[5]], [1])


# From an artifact


def write_artifact(folder: Path, preprocessor: Preprocessor, fields: tuple[Field, ...]) -> None:
    """Write what Preprocessor.load reads: the manifest and, for text, vocab.txt."""
    recipe, fitted, record = preprocessor.recipe, preprocessor.fitted, None
    if fitted.vocab is not None:
        content = vocab_bytes(fitted.vocab)
        (folder / "vocab.txt").write_bytes(content)
        digest = xxhash.xxh3_128_hexdigest(content)
        file = FileRecord(path="vocab.txt", bytes=len(content), xxh3_128=digest)
        record = VocabularyRecord(
            tokens=len(fitted.vocab),
            unknown="<unk>",
            padding="<pad>",
            padding_id=1,
            vocab=file,
            tokenizer=file,
        )
    split = SplitRecord(
        rows=0, labelled=True, parquet=(), rows_per_shard=1, fields=fields, shards=()
    )
    manifest = Manifest(
        writer="test",
        name=recipe.name,
        kind=recipe.kind,
        sample=False,
        recipe=recipe.facts(),
        recipe_sha256=recipe.sha256(),
        clean_key="0" * 64,
        shard_key="0" * 64,
        requested_rows_per_shard=None,
        raw=FileRecord(path="shards-0/raw.json", bytes=1, xxh3_128="0" * 32),
        classes=None,
        features=fitted.features,
        statistics=dict(fitted.statistics),
        vocabulary=record,
        splits={"train": split},
    )
    (folder / "manifest.json").write_bytes(manifest.to_json())


@pytest.mark.parametrize(("recipe", "raw"), [(TABULAR, TREES), (IMAGE, LEAVES), (TEXT, NOTES)])
def test_loaded_from_an_artifact(tmp_path: Path, recipe: AnyRecipe, raw: pa.Table) -> None:
    preprocessor, _ = fit(recipe, raw)
    write_artifact(tmp_path, preprocessor, preprocessor.fields(labelled=True))
    assert json.loads((tmp_path / "manifest.json").read_bytes())["name"] == recipe.name
    loaded = Preprocessor.load(tmp_path)
    assert loaded.recipe == preprocessor.recipe
    assert loaded.fitted == preprocessor.fitted
    vocab = loaded.fitted.vocab
    assert vocab is None or vocab.get_default_index() == 0


def test_loaded_one_serves_the_same(tmp_path: Path, trees: Preprocessor) -> None:
    write_artifact(tmp_path, trees, trees.fields(labelled=False))
    same(Preprocessor.load(str(tmp_path))(TREE_ROWS), TREE_TENSOR)


def test_no_artifact(tmp_path: Path) -> None:
    with pytest.raises(MissingArtifactError, match=r"expected a folder with a manifest\.json"):
        Preprocessor.load(tmp_path / "none")


# By itself


def bikes(folder: Path) -> Preprocessor:
    write_raw(folder, 50)
    return Preprocessor.load(build(bikes_recipe(), folder, folder / "out"))


@pytest.mark.parametrize("kind", ["tabular", "image", "text", "tokenizer", "groups"])
def test_saved_and_loaded(tmp_path: Path, kind: str) -> None:
    makers: dict[str, Callable[[], Preprocessor]] = {
        "tabular": lambda: fit(TABULAR, TREES)[0],
        "image": lambda: fit(IMAGE, LEAVES)[0],
        "text": lambda: fit(TEXT, NOTES)[0],
        "tokenizer": own_tokenizer,
        "groups": lambda: bikes(tmp_path),
    }
    ours = makers[kind]()
    folder = tmp_path / "saved"
    folder.mkdir()
    names = ours.save(folder)
    assert set(names) == {path.name for path in folder.iterdir()}
    beside = {"text": {"vocab.txt"}, "tokenizer": {"tokenizer.json"}}.get(kind, set())
    assert set(names) == {"preprocessor.json"} | beside
    folder.rename(tmp_path / "moved")
    theirs = Preprocessor.load(tmp_path / "moved")
    assert theirs.recipe == ours.recipe
    assert theirs.fitted == ours.fitted
    again = tmp_path / "again"
    again.mkdir()
    theirs.save(again)
    for name in names:
        assert (again / name).read_bytes() == (tmp_path / "moved" / name).read_bytes()


def test_a_saved_one_that_is_damaged(tmp_path: Path, notes: Preprocessor) -> None:
    notes.save(tmp_path)
    (tmp_path / "vocab.txt").write_bytes(b"<unk>\n")
    with pytest.raises(DamagedFileError, match=r"vocab.txt: .* found 6 bytes .*copy the folder"):
        Preprocessor.load(tmp_path)
    text = (tmp_path / "preprocessor.json").read_text()
    for damaged, found in [
        (text[:-9], "preprocessor.json: Invalid JSON"),
        (text.replace('"features"', '"feature"'), "features: missing"),
        (text.replace('"alphanumeric"', '"alpha"'), "clean"),
        (text + " ", "one that was changed since"),
    ]:
        (tmp_path / "preprocessor.json").write_text(damaged)
        with pytest.raises(ManifestError, match=f"expected a .*found .*{found}"):
            Preprocessor.load(tmp_path)


def test_nowhere_to_save(tmp_path: Path, notes: Preprocessor) -> None:
    with pytest.raises(OutputError, match="expected a folder that can be written"):
        notes.save(tmp_path / "none")


def test_flat_texts(notes: Preprocessor) -> None:
    for texts in (["Tea is hot", "", "the"], [], [""]):
        bag, padded = notes(texts, layout="bag"), notes(texts)
        assert isinstance(bag, Bag) and isinstance(padded, Padded)
        rows = zip(padded.ids, padded.lengths, strict=True)
        flat = [token for ids, length in rows for token in ids[:length].tolist()]
        assert (bag.ids.tolist(), bag.ids.dtype) == (flat, torch.int32)
        assert bag.offsets.tolist() == [0, *padded.lengths.cumsum(0).tolist()][: len(texts)]
