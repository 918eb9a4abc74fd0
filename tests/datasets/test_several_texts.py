"""Rows of several texts: from raw files to batches, predictions and models."""

import io
import pickle
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
import torch
from pairs_of_texts import PAIRS, pair_rows, words_of, write_lines
from small_parts import SMALL, build, cleaned, contents
from table_files import FORMATS, write_table
from text_artifacts import LAYOUTS, rows_of
from tokenizers import Tokenizer
from torch import Tensor
from torch.utils.data import DataLoader

import shardmill
from shardmill import Padded, Preprocessor, TextDataset
from shardmill.datasets.item_types import Layout
from shardmill.errors import ColumnsError, GivenRowError, KindOfRowsError
from shardmill.format.describe_rows import describe_row, describe_split_rows
from shardmill.format.manifest import Manifest
from shardmill.format.verify_artifact import verify_artifact
from shardmill.serve.raw_batches import batches_of_file, batches_of_texts

ROWS = 9_500  # of which train has two shards
GROUPS = ["premise", "hypothesis"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`artifacts/pairs`, and `pairs.csv`, which it was built from in many parts."""
    folder = tmp_path_factory.mktemp("pairs")
    write_lines(pair_rows(ROWS), folder / "pairs.csv")
    build(PAIRS, folder, folder / "artifacts", sizes=SMALL, workers=1, rows_per_shard=4_096)
    return folder


@pytest.fixture(scope="module")
def artifact(folder: Path) -> Path:
    return folder / "artifacts" / "pairs"


def ids_of(dataset: TextDataset[Any, Any], split: str) -> dict[str, list[list[int]]]:
    """The ids of each text, from the cleaned rows and the vocabulary."""
    table, numbers = cleaned(dataset.path, split), dataset.vocab.get_stoi()
    return {
        group: [[numbers[token] for token in text.split()] for text in table[group].to_pylist()]
        for group in GROUPS
    }


def test_the_vocabulary_is_that_of_all_texts_row_by_row(artifact: Path) -> None:
    table = cleaned(artifact, "train")
    seen = ["<unk>", "<pad>"]
    for row in table.select(GROUPS).to_pylist():
        seen += [*row["premise"].split(), *row["hypothesis"].split()]
    ds: TextDataset[Any, Any] = TextDataset(artifact)
    assert ds.vocab.get_itos() == [*dict.fromkeys(seen)]


def test_cleaned_rows_have_a_column_for_each_text(artifact: Path) -> None:
    tables = [cleaned(artifact, split) for split in ("train", "validation")]
    found = pa.concat_tables(tables).to_pydict()
    premises, hypotheses = words_of(pair_rows(ROWS))
    expected = zip(premises, hypotheses, strict=True)
    assert sorted(zip(found["premise"], found["hypothesis"], strict=True)) == sorted(
        (" ".join(one) + " " * (one == ["t"]), " ".join(other)) for one, other in expected
    )
    assert [*found] == ["premise", "hypothesis", "label"]


@pytest.mark.parametrize("workers", [2, 3])
def test_any_number_of_workers_makes_the_same_bytes(
    folder: Path, artifact: Path, tmp_path: Path, workers: int
) -> None:
    build(PAIRS, folder, tmp_path, sizes=SMALL, workers=workers, rows_per_shard=4_096)
    assert contents(tmp_path / "pairs") == contents(artifact)
    stages = {"stages": ("shard",), "force": True}
    build(PAIRS, folder, tmp_path, sizes=SMALL, rows_per_shard=4_096, **stages)
    assert contents(tmp_path / "pairs") == contents(artifact)


@pytest.mark.parametrize("file", FORMATS)
def test_files_of_every_format(tmp_path: Path, file: str) -> None:
    table = pair_rows(60)
    write_table(table, tmp_path / file)
    recipe = PAIRS.replace("train.csv]", f"train.{FORMATS[file]}]").replace("pairs.csv", file)
    path = build(recipe, tmp_path, tmp_path / "out").artifact
    write_lines(table, tmp_path / "pairs.csv")
    same = build(PAIRS, tmp_path, tmp_path / "other").artifact
    for split in ("train", "validation"):
        assert cleaned(path, split).equals(cleaned(same, split))
    arrays, others = (shardmill.open(each).numpy() for each in (path, same))
    assert all((arrays[name] == others[name]).all() for name in others)


@pytest.mark.parametrize("split", ["train", "validation"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_batches(artifact: Path, layout: Layout, split: str) -> None:
    ds: TextDataset[Any, Any] = TextDataset(artifact, split, layout=layout)
    expected = ids_of(ds, split)
    rows = [0, len(ds) - 1, *range(1, len(ds), 97)]
    x, y = ds[rows]
    assert list(x) == list(ds.groups) == GROUPS
    for group in GROUPS:
        assert rows_of(x[group], 1) == [expected[group][row] for row in rows]
    assert y.tolist() == [cleaned(artifact, split)["label"][row].as_py() for row in rows]
    one, label = ds[rows[1]]
    assert {g: ids.tolist() for g, ids in one.items()} == {g: expected[g][-1] for g in GROUPS}
    assert int(label) == int(y[1])


@pytest.mark.parametrize("labelled", [True, False])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_torch_puts_rows_together_as_the_loader_does(
    tmp_path: Path, layout: Layout, labelled: bool
) -> None:
    write_lines(pair_rows(40), tmp_path / "pairs.csv")
    text = PAIRS
    if not labelled:
        text = text[: text.index("[target]")] + text[text.index("[splits") :]
    ds = shardmill.open(build(text, tmp_path, tmp_path).artifact, layout=layout)
    rows = [ds[row] for row in range(8)]
    collated = torch.utils.data.default_collate(rows)
    for found in (collated, next(iter(DataLoader(ds, batch_size=8))), next(iter(ds.loader(8)))):
        x = found[0] if labelled else found
        assert {g: rows_of(x[g], 1) for g in GROUPS} == {
            g: rows_of((ds[:8][0] if labelled else ds[:8])[g], 1) for g in GROUPS
        }


def test_max_tokens_cuts_each_text_and_buckets_go_by_all(artifact: Path) -> None:
    ds = shardmill.open(artifact, max_tokens=3)
    x, _ = ds[:500]
    whole, _ = shardmill.open(artifact)[:500]
    for group in GROUPS:
        assert x[group].lengths.tolist() == whole[group].lengths.clamp(max=3).tolist()
    seen = 0
    spread = []
    for x, _ in shardmill.open(artifact).loader(64, shuffle=True, seed=1, bucket=True):
        both = x["premise"].lengths + x["hypothesis"].lengths
        spread.append(int(both.max() - both.min()))
        seen += len(both)
    assert seen == len(ds)
    assert sum(width <= 1 for width in spread) > len(spread) / 2


def test_transforms_of_each_row(artifact: Path) -> None:
    def turned(x: dict[str, Tensor]) -> dict[str, Tensor]:
        return {group: ids.flip(0) for group, ids in x.items()}

    ds = shardmill.open(artifact, transform=turned, per_row=True)
    plain: TextDataset[Any, Any] = TextDataset(artifact)
    expected = ids_of(plain, "train")
    x, _ = ds[:9]
    for group in GROUPS:
        assert isinstance(x[group], Padded)
        assert rows_of(x[group], 1) == [ids[::-1] for ids in expected[group][:9]]


def test_joined_and_pickled(artifact: Path) -> None:
    both = shardmill.concat([shardmill.open(artifact), shardmill.open(artifact, "validation")])
    rows = [3, len(both) - 1, 5]
    parts = [both[row][0] for row in rows]
    x = pickle.loads(pickle.dumps(both))[rows][0]
    for group in GROUPS:
        assert rows_of(x[group], 1) == [part[group].tolist() for part in parts]


def test_numpy_arrays(artifact: Path) -> None:
    ds: TextDataset[Any, Any] = TextDataset(artifact)
    arrays, expected = ds.numpy(), ids_of(ds, "train")
    for group in GROUPS:
        name = f"x.{group}"
        spans = zip(arrays[f"{name}.offsets"], arrays[f"{name}.sizes"], strict=True)
        found = [arrays[name][first : first + size].tolist() for first, size in spans]
        assert found == expected[group]


def test_the_preprocessor_gives_the_ids_of_the_shards(folder: Path, artifact: Path) -> None:
    prepare = Preprocessor.load(artifact)
    prepare.save(folder)
    table = cleaned(artifact, "validation")
    x, _ = shardmill.open(artifact, "validation")[:]
    columns = {"topic": [""] * len(table), "premise": table["premise"].to_pylist()}
    columns["hypothesis"] = table["hypothesis"].to_pylist()
    given = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    for rows in (given, pd.DataFrame(columns), pa.table(columns)):
        for preprocessor in (prepare, Preprocessor.load(folder)):
            found: Any = preprocessor(rows)
            for group in GROUPS:
                assert torch.equal(found[group].ids, x[group].ids)
                assert torch.equal(found[group].lengths, x[group].lengths)


def test_predictions_read_files(folder: Path, artifact: Path) -> None:
    prepare = Preprocessor.load(artifact)
    (folder / "new.csv").write_text("id,premise,topic,hypothesis\n1,W1 w2,T,w1\n2,,T,\n")
    (batch,) = batches_of_file(prepare, folder / "new.csv", 9, layout="bag", keep=["id"])
    x: Any = batch.x
    ds: TextDataset[Any, Any] = TextDataset(artifact)
    numbers = ds.vocab.get_stoi()
    expected = {"premise": [["t", "w1", "w2"], ["t"]], "hypothesis": [["w1"], []]}
    for group, texts in expected.items():
        assert rows_of(x[group], 1) == [[numbers[token] for token in text] for text in texts]
    with pytest.raises(KindOfRowsError, match="rows of the texts premise, hypothesis, in a file"):
        next(batches_of_texts(prepare, io.BytesIO(b"a\n"), 3))


def test_rows_that_are_no_pairs(artifact: Path) -> None:
    prepare = Preprocessor.load(artifact)
    with pytest.raises(GivenRowError, match="a dict of cells"):
        prepare(["a text alone"])
    with pytest.raises(ColumnsError, match="no premise"):
        prepare([{"topic": "t", "hypothesis": "a"}])
    with pytest.raises(GivenRowError, match="column hypothesis"):
        prepare([{"topic": "t", "premise": "b", "hypothesis": 3}])


def test_what_an_artifact_says_of_itself(artifact: Path) -> None:
    assert verify_artifact(artifact).files > 5
    manifest = Manifest.load(artifact)
    assert manifest.features == ("premise", "hypothesis")
    assert [group["name"] for group in manifest.recipe["groups"]] == GROUPS
    facts = describe_split_rows(artifact, manifest, "train")
    assert list(facts["lengths"]) == ["x.premise", "x.hypothesis"]
    assert facts["lengths"]["x.premise"]["least"] == 1
    row = describe_row(artifact, manifest, "train", 2)
    assert list(row["tensors"]) == ["x.premise", "x.hypothesis", "y"]
    unknown = manifest.splits["validation"].unknown()
    tokens = ids_of(TextDataset(artifact, "validation"), "validation")
    assert {name: total for name, (_, total) in unknown.items()} == {
        group: sum(map(len, tokens[group])) for group in GROUPS
    }


PLAIN = 'tokenizer = "whitespace"'


@pytest.mark.parametrize("kind", ["bpe", "file"])
def test_tokens_of_the_library(tmp_path: Path, kind: str) -> None:
    table = pair_rows(200)
    write_lines(table, tmp_path / "pairs.csv")
    rules = PAIRS.replace('order = "first_seen"', "max_tokens = 90")
    recipe = rules.replace(PLAIN, 'tokenizer = "bpe"')
    if kind == "file":
        learnt = build(recipe, tmp_path, tmp_path / "learnt").artifact
        (learnt_file,) = learnt.glob("shards-*/tokenizer.json")
        (tmp_path / "own.json").write_bytes(learnt_file.read_bytes())
        recipe = rules.replace("[vocabulary]\nmax_tokens = 90\n", "")
        recipe = recipe.replace(PLAIN, 'tokenizer_file = { path = "own.json" }')
    artifact = build(recipe, tmp_path, tmp_path / "out").artifact
    tokenizer = Tokenizer.from_file(str(next(artifact.glob("shards-*/tokenizer.json"))))
    x, _ = shardmill.open(artifact)[:]
    found: Any = Preprocessor.load(artifact)(table)
    for group in GROUPS:
        texts = cleaned(artifact, "train")[group].to_pylist()
        expected = [e.ids for e in tokenizer.encode_batch(texts, add_special_tokens=False)]
        assert rows_of(x[group], 1) == expected
        assert len(found[group].ids) == 200


def test_a_vocabulary_is_lent(artifact: Path, tmp_path: Path) -> None:
    write_lines(pair_rows(30, seed=1), tmp_path / "pairs.csv")
    recipe = PAIRS.replace('name = "pairs"', 'name = "others"')
    recipe = recipe.replace('order = "first_seen"', 'from = "pairs"')
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "pairs").symlink_to(artifact)
    others: TextDataset[Any, Any] = TextDataset(build(recipe, tmp_path, tmp_path / "out").artifact)
    first: TextDataset[Any, Any] = TextDataset(artifact)
    assert others.vocab.get_itos() == first.vocab.get_itos()
    assert len(shardmill.concat([others, first])) == len(others) + len(first)
