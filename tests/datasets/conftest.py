"""Fixtures that several tests of datasets share."""

from pathlib import Path

import cut_artifacts as cut
import joined_datasets as joined
import numpy as np
import pytest
import text_artifacts as texts
from building import build

from shardmill.pipeline.sample.write_idx import encode_idx
from shardmill.recipe.load_recipe import parse_recipe


@pytest.fixture(scope="module")
def cut_raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("raw")
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (cut.ROWS, 3, 2), dtype=np.uint8)
    (folder / "images").write_bytes(encode_idx(images))
    (folder / "labels").write_bytes(encode_idx(np.arange(cut.ROWS, dtype=np.int32) % 3))
    lengths = rng.integers(0, 9, cut.ROWS)
    words = [" ".join(f"w{(row * 7 + k) % 50}" for k in range(n)) for row, n in enumerate(lengths)]
    lines = [f"{('no', 'yes')[row % 2]},{text}\n" for row, text in enumerate(words)]
    (folder / "texts.csv").write_text("".join(lines))
    return folder


@pytest.fixture(scope="module")
def cut_folder(cut_raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`one` holds each split in one shard, `many` in several."""
    folder = tmp_path_factory.mktemp("artifacts")
    for text in (cut.IMAGE, cut.TEXT):
        recipe = parse_recipe(text, where="test")
        build(recipe, cut_raw, folder / "one", rows_per_shard=cut.ROWS)
        build(recipe, cut_raw, folder / "many", rows_per_shard=1)
    return folder


@pytest.fixture(scope="module")
def text_words() -> texts.Words:
    """The tokens of each row: in `train` the rows at the shards' borders are empty."""
    rng = np.random.default_rng(0)
    few, many = (
        rng.integers(0, 4, texts.ROWS),
        rng.integers(0, texts.LONGEST + 1, texts.ROWS),
    )
    lengths = {
        "train": np.where(rng.random(texts.ROWS) < 0.1, many, few),
        "edges": few.copy(),
    }
    lengths["train"][texts.EDGES] = 0
    lengths["edges"][texts.EDGES] = texts.LONGEST
    # <pad> and <unk> stand in the texts themselves too.
    tokens = np.array(["<pad>", "<unk>", *(f"w{n}" for n in range(30))])
    return {
        split: [tokens[rng.integers(0, len(tokens), n)].tolist() for n in sizes]
        for split, sizes in lengths.items()
    }


@pytest.fixture(scope="module")
def text_folder(text_words: texts.Words, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`one` holds each split in one shard, `many` in three."""
    folder = tmp_path_factory.mktemp("texts")
    texts.write_raw(folder, text_words)
    for name, specials in texts.SPECIALS.items():
        recipe = parse_recipe(texts.TEXT.format(name=name, specials=specials), where="test")
        build(recipe, folder, folder / "one", rows_per_shard=texts.ROWS)
        build(recipe, folder, folder / "many", rows_per_shard=1)
    return folder


@pytest.fixture(scope="module")
def members(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Artifacts of images [1, 2, 2] and of texts, whose rows all differ."""
    folder = tmp_path_factory.mktemp("joined")
    for images, labels, rows in (
        ("images", "labels", joined.MANY),
        ("few", "few-labels", joined.FEW),
    ):
        numbers = np.arange(rows, dtype="<u4") + 2**31 // rows
        (folder / images).write_bytes(encode_idx(numbers.view(np.uint8).reshape(rows, 2, 2)))
        (folder / labels).write_bytes(encode_idx((np.arange(rows) % 3).astype(np.uint8)))
    (folder / "wide").write_bytes(encode_idx(np.zeros((joined.MANY, 2, 3), np.uint8)))
    (folder / "floats").write_bytes(encode_idx(np.zeros((joined.MANY, 2, 2), np.float32)))
    for name, rows, longest in (
        ("texts", joined.MANY, 4),
        ("few", joined.FEW, 9),
    ):
        lines = [f"{'abc'[n % 3]},{' '.join(f'w{n + k}' for k in range(n % longest))}\n"
                 for n in range(rows)]  # fmt: skip
        (folder / f"{name}.csv").write_text("".join(lines))
    joined.make(folder, joined.IMAGE, name="pictures")
    joined.make(folder, joined.TEXT, name="texts")
    return folder
