"""Tables with columns of texts: from raw files to batches and predictions."""

import json
import pickle
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
import torch
from small_parts import SMALL, build, cleaned, contents
from table_files import FORMATS, write_table
from text_artifacts import LAYOUTS, rows_of
from tokenizers import Tokenizer
from torch.utils.data import DataLoader
from wines import GROUPS, NAMES, WINES, wine_rows, write_wines

import shardmill
from shardmill import Preprocessor, TabularDataset
from shardmill.datasets.item_types import Layout
from shardmill.errors import GivenRowError, ManifestError
from shardmill.format.manifest import Manifest
from shardmill.format.verify_artifact import verify_artifact
from shardmill.serve.raw_batches import batches_of_file

ROWS = 9_000
TEXTS = ["notes", "label"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`artifacts/wines`, and `wines.csv`, which it was built from in many parts."""
    folder = tmp_path_factory.mktemp("wines")
    write_wines(wine_rows(ROWS), folder / "wines.csv")
    build(WINES, folder, folder / "artifacts", sizes=SMALL, workers=1, rows_per_shard=4_096)
    return folder


@pytest.fixture(scope="module")
def artifact(folder: Path) -> Path:
    return folder / "artifacts" / "wines"


def ids_of(dataset: TabularDataset[Any], split: str, text: str) -> list[list[int]]:
    assert dataset.vocab is not None
    numbers = dataset.vocab.get_stoi()
    texts = cleaned(dataset.path, split)[text].to_pylist()
    return [[numbers[token] for token in text.split()] for text in texts]


def test_the_vocabulary_is_that_of_all_texts_row_by_row(artifact: Path) -> None:
    seen = ["<unk>", "<pad>"]
    for row in cleaned(artifact, "train").select(TEXTS).to_pylist():
        seen += [*row["notes"].split(), *row["label"].split()]
    ds: TabularDataset[Any] = TabularDataset(artifact)
    assert ds.vocab is not None
    assert ds.vocab.get_itos() == [*dict.fromkeys(seen)]
    assert verify_artifact(artifact).files > 5


@pytest.mark.parametrize("workers", [2, 3])
def test_any_number_of_workers_makes_the_same_bytes(
    folder: Path, artifact: Path, tmp_path: Path, workers: int
) -> None:
    build(WINES, folder, tmp_path, sizes=SMALL, workers=workers, rows_per_shard=4_096)
    assert contents(tmp_path / "wines") == contents(artifact)
    stages = {"stages": ("shard",), "force": True}
    build(WINES, folder, tmp_path, sizes=SMALL, rows_per_shard=4_096, **stages)
    assert contents(tmp_path / "wines") == contents(artifact)


def test_numbers_are_those_of_the_table_without_texts(
    folder: Path, artifact: Path, tmp_path: Path
) -> None:
    plain = WINES.replace('"text" }', '"str", drop = true }')
    i, j = plain.index("[text]"), plain.index("[target]")
    build(plain[:i] + plain[j:], folder, tmp_path, sizes=SMALL, rows_per_shard=4_096)
    for split in ("train", "test"):
        x, y = shardmill.open(tmp_path / "wines", split)[:]
        both, same = shardmill.open(artifact, split)[:]
        assert torch.equal(both["features"], x)
        assert torch.equal(y, same)
    statistics = [Manifest.load(path).statistics for path in (artifact, tmp_path / "wines")]
    assert statistics[0] == statistics[1]


@pytest.mark.parametrize("file", FORMATS)
def test_files_of_every_format(tmp_path: Path, file: str) -> None:
    rows = wine_rows(60)
    write_table(pa.table({name: [row[name] for row in rows] for name in NAMES}), tmp_path / file)
    recipe = WINES.replace("train.csv]", f"train.{FORMATS[file]}]").replace("wines.csv", file)
    path = build(recipe, tmp_path, tmp_path / "out").artifact
    write_wines(rows, tmp_path / "wines.csv")
    same = build(WINES, tmp_path, tmp_path / "other").artifact
    arrays, others = (shardmill.open(each).numpy() for each in (path, same))
    assert all((arrays[name] == others[name]).all() for name in others)


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_batches(artifact: Path, layout: Layout, split: str) -> None:
    ds: TabularDataset[Any] = TabularDataset(artifact, split, layout=layout)
    assert ds.texts == ("notes", "label")
    assert ds.groups == {"features": ("country", "price")}
    rows = [0, len(ds) - 1, *range(1, len(ds), 97)]
    x, _ = ds[rows]
    assert list(x) == ["features", "notes", "label"]
    for text in TEXTS:
        expected = ids_of(ds, split, text)
        assert rows_of(x[text], 1) == [expected[row] for row in rows]
    for one in (ds[rows[1]][0], pickle.loads(pickle.dumps(ds))[rows[1]][0]):
        assert torch.equal(one["features"], x["features"][1])
        assert one["notes"].tolist() == rows_of(x["notes"], 1)[1]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_torch_puts_rows_together_as_the_loader_does(artifact: Path, layout: Layout) -> None:
    ds: TabularDataset[Any] = TabularDataset(artifact, layout=layout)
    expected, _ = ds[:8]
    collated = torch.utils.data.default_collate([ds[row] for row in range(8)])
    for x, _ in (collated, next(iter(DataLoader(ds, batch_size=8))), next(iter(ds.loader(8)))):
        assert torch.equal(x["features"], expected["features"])
        for text in TEXTS:
            assert rows_of(x[text], 1) == rows_of(expected[text], 1)


def test_options(artifact: Path) -> None:
    dropped = ["label", "price"]
    ds: TabularDataset[Any] = TabularDataset(artifact, max_tokens=2, drop_features=dropped)
    whole, _ = shardmill.open(artifact)[:99]
    x, _ = ds[:99]
    assert list(x) == ["features", "notes"]
    assert torch.equal(x["features"], whole["features"][:, :1])
    assert x["notes"].lengths.tolist() == whole["notes"].lengths.clamp(max=2).tolist()
    numbers = shardmill.open(artifact, drop_features=TEXTS)
    assert list(numbers[:9][0]) == ["features"]
    with pytest.raises(TypeError, match="bucket sorts texts by length"):
        numbers.loader(9, bucket=True)
    with pytest.raises(ValueError, match="layout is one of padded, bag, jagged, not 'list'"):
        shardmill.open(artifact, layout="list")  # type: ignore[call-overload]
    assert sum(len(y) for _, y in ds.loader(64, shuffle=True, bucket=True)) == len(ds)


def test_transforms_of_each_row(artifact: Path) -> None:
    def changed(x: dict[str, Any]) -> dict[str, Any]:
        return {"features": x["features"] + 1, "notes": x["notes"].flip(0)}

    x, _ = shardmill.open(artifact, transform=changed, per_row=True)[:9]
    plain, _ = shardmill.open(artifact)[:9]
    assert torch.equal(x["features"], plain["features"] + 1)
    assert rows_of(x["notes"], 1) == [ids[::-1] for ids in rows_of(plain["notes"], 1)]


def test_joined(artifact: Path) -> None:
    both = shardmill.concat([shardmill.open(artifact), shardmill.open(artifact, "test")])
    rows = [3, len(both) - 1, 5]
    x, _ = both[rows]
    for at, row in enumerate(rows):
        one, _ = both[row]
        assert torch.equal(x["features"][at], one["features"])
        assert rows_of(x["notes"], 1)[at] == one["notes"].tolist()


@pytest.mark.parametrize("tokenizer", ["whitespace", "characters", "bpe"])
def test_the_preprocessor_gives_the_numbers_of_the_shards(tmp_path: Path, tokenizer: str) -> None:
    rows = wine_rows(300)
    write_wines(rows, tmp_path / "wines.csv")
    recipe = WINES.replace("whitespace", tokenizer).replace("\n[target]", GROUPS)
    i, j = recipe.index("[splits.test]"), len(recipe)
    recipe = recipe[:i] + recipe[j:]  # so that the rows keep their order
    if tokenizer == "bpe":
        recipe = recipe.replace('order = "first_seen"', "max_tokens = 90")
    artifact = build(recipe, tmp_path, tmp_path / "out").artifact
    expected, _ = shardmill.open(artifact)[:]
    assert list(expected) == ["places", "numbers", "notes", "label"]
    prepare = Preprocessor.load(artifact)
    prepare.save(tmp_path)
    given = [{k: v or None for k, v in row.items() if k != "verdict"} for row in rows]
    (batch,) = batches_of_file(prepare, tmp_path / "wines.csv", 999)
    found: list[Any] = [prepare(given), prepare(pd.DataFrame(rows)), batch.x]
    found.append(Preprocessor.load(tmp_path)(given))
    for x in found:
        for group in ("places", "numbers"):
            assert torch.equal(x[group], expected[group])
        for text in TEXTS:
            assert torch.equal(x[text].ids, expected[text].ids)
            assert torch.equal(x[text].lengths, expected[text].lengths)
    if tokenizer == "bpe":
        file = Tokenizer.from_file(str(next(artifact.glob("shards-*/tokenizer.json"))))
        ids = [e.ids for e in file.encode_batch(cleaned(artifact, "train")["notes"].to_pylist())]
        assert rows_of(expected["notes"], 1) == ids


def test_cells_that_are_no_texts(artifact: Path) -> None:
    row = {"country": "US", "price": 3, "notes": 4, "label": ""}
    with pytest.raises(GivenRowError, match="column notes: expected a text, found 4"):
        Preprocessor.load(artifact)([row])


def test_unknown_tokens_and_categories_are_counted(tmp_path: Path) -> None:
    write_wines(wine_rows(40), tmp_path / "wines.csv")
    other = wine_rows(3, seed=1)
    other[0] |= {"country": "Spain", "notes": "never seen w1", "label": ""}
    write_wines(other, tmp_path / "other.csv")
    recipe = WINES.replace(
        'hold_out = { split = "train", fraction = 0.2 }', 'csv.path = "other.csv"'
    )
    manifest = Manifest.load(build(recipe, tmp_path, tmp_path).artifact)
    unknown = manifest.splits["test"].unknown()
    assert unknown["country"] == (1, 3)
    assert unknown["notes"][0] == 2
    tokens = manifest.splits["test"].shards[0].values
    assert unknown["notes"][1] == tokens["x.notes"]


@pytest.mark.parametrize("damage", ["vocabulary", "field"])
def test_a_manifest_that_contradicts_itself(artifact: Path, tmp_path: Path, damage: str) -> None:
    facts = json.loads((artifact / "manifest.json").read_text())
    if damage == "vocabulary":
        facts["vocabulary"] = None
    else:
        facts["splits"]["train"]["fields"][1]["dtype"] = "float32"
    (tmp_path / "manifest.json").write_text(json.dumps(facts))
    said = {"vocabulary": "texts have one", "field": "an x.<column> of ids"}[damage]
    with pytest.raises(ManifestError, match=said):
        Manifest.load(tmp_path)


def test_open_columns_and_rows_that_are_left_out(tmp_path: Path) -> None:
    rows = wine_rows(60)
    write_wines(rows, tmp_path / "wines.csv")
    recipe = WINES.replace('id = { dtype = "int64", drop = true }\n', "")
    price = 'price = { dtype = "float64", missing = "median", scale = "standardise" }'
    recipe = recipe.replace(price, '"*" = { dtype = "float64", missing = "keep" }')
    recipe = recipe.replace('label = { dtype = "text" }\n', "")
    recipe = recipe.replace(
        'categories = "learn", missing = "keep"', 'categories = ["US", "Italy"]'
    )
    rules = '[csv]\non_bad_row = "quarantine"\nmax_bad_rows = 0.9\n[text]'
    recipe = recipe.replace("[text]", rules)
    recipe = recipe[: recipe.index("[splits.test]")]
    lines = (tmp_path / "wines.csv").read_text().splitlines()
    cut = [line.split(",") for line in lines]
    lines = [",".join(cells[:4] + cells[5:]) for cells in cut]
    (tmp_path / "wines.csv").write_text("\n".join(lines) + "\n")
    ds: TabularDataset[Any] = TabularDataset(build(recipe, tmp_path, tmp_path / "out").artifact)
    good = [row for row in rows if row["country"] in ("US", "Italy")]
    assert len(ds) == len(good) < len(rows)
    assert ds.features == ("country", "id", "price")
    assert ds.vocab is not None
    x, _ = ds[:]
    assert x["features"][:, 1].tolist() == [float(row["id"]) for row in good]
    texts = [ds.vocab.lookup_tokens(ids) for ids in rows_of(x["notes"], 1)]
    assert texts == [row["notes"].lower().split() for row in good]
