"""Preprocessors that are loaded from artifacts, saved and loaded again."""

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
import torch
import xxhash
from bikes import bikes_recipe, write_raw
from building import build
from preprocessors import (
    IMAGE,
    LEAVES,
    NOTES,
    TABULAR,
    TEXT,
    TREE_ROWS,
    TREE_TENSOR,
    TREES,
    fit,
    own_tokenizer,
    same,
)

from shardmill.errors import (
    DamagedFileError,
    ManifestError,
    MissingArtifactError,
    OutputError,
)
from shardmill.format.batch import Bag, Padded
from shardmill.format.layout import Field
from shardmill.format.manifest import FileRecord, Manifest, SplitRecord, VocabularyRecord
from shardmill.recipe.any_recipe import AnyRecipe
from shardmill.serve.preprocessor import Preprocessor
from shardmill.text.load_vocab import vocab_bytes


@pytest.fixture(scope="module")
def trees() -> Preprocessor:
    return fit(TABULAR, TREES)[0]


@pytest.fixture(scope="module")
def notes() -> Preprocessor:
    return fit(TEXT, NOTES)[0]  # <unk> <pad> tea hot is the


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
            unicode=fitted.unicode,
            vocab=file,
            tokenizer=file,
        )
    split = SplitRecord(
        rows=0,
        labelled=any(field.is_target for field in fields),
        parquet=(),
        rows_per_shard=1,
        fields=fields,
        shards=(),
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
        classes=("no", "yes") if split.labelled else None,
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
