"""Recipes with a tokenizer.json of their own: the library's ids, and every way it may be wrong."""

import gzip
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from own_tokenizers import MODELS, train_tokenizer
from tokenizer_texts import TOKENIZER, build, recipe_of, write_texts, write_tokenizer
from tokenizers import Tokenizer

from shardmill import Preprocessor, TextDataset
from shardmill.format.batch import Padded
from shardmill.format.describe_artifact import describe_artifact
from shardmill.format.manifest import Manifest
from shardmill.format.read_checked import read_raw_records
from shardmill.format.verify_artifact import verify_artifact
from shardmill.recipe.load_recipe import parse_recipe

ROWS = 4_200  # more than are encoded at a time, and a shard more than:


ROWS_PER_SHARD = 4_096  # the fewest whose int32 sizes end at a page border


def cleaned_texts(artifact: Path) -> list[str]:
    files = Manifest.load(artifact).splits["train"].parquet
    texts = [pq.read_table(artifact / file.path)["text"].to_pylist() for file in files]
    return [text for part in texts for text in part]


def stored_ids(artifact: Path) -> list[list[int]]:
    arrays = TextDataset(artifact).numpy()
    ends = arrays["offsets"] + arrays["sizes"]
    return [arrays["x"][i:j].tolist() for i, j in zip(arrays["offsets"], ends, strict=True)]


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Raw texts without a tokenizer, for tests that add one to a copy."""
    raw = tmp_path_factory.mktemp("toy")
    write_texts(raw, 40)
    return raw


@pytest.fixture
def raw(toy: Path, tmp_path: Path) -> Path:
    """A folder of raw texts with a tokenizer."""
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw/texts.csv").write_bytes((toy / "texts.csv").read_bytes())
    write_tokenizer(tmp_path / "raw", train_tokenizer("WordPiece"))
    return tmp_path / "raw"


@pytest.mark.parametrize("special_tokens", [False, True])
@pytest.mark.parametrize("model", MODELS)
def test_ids_are_the_librarys(tmp_path: Path, model: str, special_tokens: bool) -> None:
    raw = tmp_path / "raw"
    write_texts(raw, ROWS)
    theirs = train_tokenizer(model)
    whole = Tokenizer.from_str(theirs.to_str())
    theirs.enable_truncation(3)
    theirs.enable_padding(length=5, pad_token="[PAD]", pad_id=1)
    content = write_tokenizer(raw, theirs)
    recipe = recipe_of(special_tokens=special_tokens)
    artifact = build(recipe, raw, tmp_path, rows_per_shard=ROWS_PER_SHARD).artifact

    texts = cleaned_texts(artifact)
    assert len(texts) == ROWS
    assert texts[-1] == "unseen \U0001f600 & [CLS]"
    encodings = whole.encode_batch(texts, add_special_tokens=special_tokens)
    expected = [encoding.ids for encoding in encodings]
    assert stored_ids(artifact) == expected
    assert max(map(len, expected)) > 5
    assert (expected[-2] == []) is not special_tokens

    ds = TextDataset(artifact)
    assert len(ds.manifest.splits["train"].shards) == 2
    record = ds.manifest.vocabulary
    assert record is not None
    assert record.vocab is None
    assert (artifact / record.tokenizer.path).read_bytes() == content
    assert sorted(p.name for p in artifact.glob("shards-*/*") if p.suffix != ".safetensors") == [
        "raw.json",
        "tokenizer.json",
        "tokenizer_config.json",
    ]
    assert (record.unknown, record.padding, record.padding_id) == ("[UNK]", "[PAD]", 1)
    assert record.tokens == len(ds.vocab) == whole.get_vocab_size()
    assert ds.vocab.get_stoi() == whole.get_vocab()
    assert ds.vocab["\U0001f600"] == ds.vocab["[UNK]"] == 0
    assert [r.path for r in read_raw_records(artifact, ds.manifest)] == ["texts.csv", TOKENIZER]
    assert verify_artifact(artifact).files == len(list(ds.manifest.files())) - 1

    x = Preprocessor.load(artifact)(texts[-9:])
    assert isinstance(x, Padded)
    assert [row[:n].tolist() for row, n in zip(x.ids, x.lengths.tolist(), strict=True)] == expected[
        -9:
    ]
    past = np.arange(x.ids.shape[1]) >= x.lengths.numpy()[:, None]
    assert past.any()
    assert (x.ids.numpy()[past] == 1).all()
    padded, _ = ds[list(range(ROWS - 9, ROWS))]
    assert padded.ids.equal(x.ids)


def test_two_workers_write_the_same_bytes(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    write_texts(raw, 2 * ROWS)
    write_tokenizer(raw, train_tokenizer("BPE"))
    contents = []
    for workers in (1, 2):
        out = tmp_path / str(workers)
        build(recipe_of(), raw, out, rows_per_shard=ROWS_PER_SHARD, workers=workers)
        files = sorted(p for p in out.rglob("*") if p.is_file() and p.name != "build.json")
        contents.append({p.relative_to(out): p.read_bytes() for p in files})
    assert contents[0] == contents[1]
    assert sum(path.suffix == ".safetensors" for path in contents[0]) == 3


def test_another_tokenizer_leaves_the_cleaned_rows(raw: Path, tmp_path: Path) -> None:
    first = build(recipe_of(), raw, tmp_path)
    assert build(recipe_of(), raw, tmp_path).status == "up to date"
    ids = stored_ids(first.artifact)

    other = train_tokenizer("Unigram", seed=7)
    write_tokenizer(raw, other)
    outcome = build(recipe_of(), raw, tmp_path)
    assert outcome.reasons == {"shard": f"changed since the last build: {TOKENIZER}"}
    expected = other.encode_batch(cleaned_texts(outcome.artifact), add_special_tokens=False)
    assert stored_ids(outcome.artifact) == [encoding.ids for encoding in expected] != ids

    outcome = build(recipe_of(special_tokens=True), raw, tmp_path)
    assert outcome.reasons == {"shard": "the recipe has changed"}
    assert all(len(row) >= 2 for row in stored_ids(outcome.artifact))


def test_compressed_in_a_folder_of_another_encoding(raw: Path, tmp_path: Path) -> None:
    plain = build(recipe_of(), raw, tmp_path / "plain").artifact
    content = (raw / TOKENIZER).read_bytes()
    (raw / TOKENIZER).unlink()
    (raw / f"{TOKENIZER}.gz").write_bytes(gzip.compress(content))
    texts = (raw / "texts.csv").read_text(encoding="utf-8")
    (raw / "texts.csv").write_text(texts, encoding="utf-16")
    recipe = recipe_of('csv.encoding = "utf-16"')
    packed = build(recipe, raw, tmp_path / "packed").artifact
    assert stored_ids(packed) == stored_ids(plain)
    (written,) = packed.glob("shards-*/tokenizer.json")
    assert written.read_bytes() == content
    # Once more when what is in it is known, so that it is not read to be hashed.
    recipe = recipe_of('csv.encoding = "utf-16"', special_tokens=True)
    assert build(recipe, raw, tmp_path / "packed").reasons == {"shard": "the recipe has changed"}


def test_what_an_artifact_says_of_it(raw: Path, tmp_path: Path) -> None:
    artifact = build(recipe_of(special_tokens=True), raw, tmp_path).artifact
    manifest = Manifest.load(artifact)
    assert manifest.recipe["text"]["tokenizer_file"]["path"] == TOKENIZER
    assert "tokenizer" not in manifest.recipe["text"]
    assert "vocabulary" not in manifest.recipe
    facts = describe_artifact(artifact)
    assert facts["vocabulary"] == {"tokens": 200, "unknown": "[UNK]", "padding": "[PAD]"}
    assert facts["splits"]["train"]["lengths"]["x"]["longest"] > 2


def test_it_is_noted_if_it_is_not_the_published_one(raw: Path, tmp_path: Path) -> None:
    outcome = build(recipe_of(f'text.tokenizer_file.checksum = "sha256:{"0" * 64}"'), raw, tmp_path)
    note = f"{raw / TOKENIZER} is not the published file; it is used as it is"
    assert outcome.notes == (note,)


def test_a_tokenizer_json_that_shardmill_has_written(raw: Path, tmp_path: Path) -> None:
    words = parse_recipe(
        """
        name = "words"
        kind = "text"
        csv.header = false
        text.columns = ["class", "body"]
        text.join = ["body"]
        text.clean = ["html"]
        target = { column = "class", classes = ["a", "b"] }
        splits.train.csv.path = "texts.csv"
        """,
        where="test",
    )
    first = build(words, raw, tmp_path).artifact
    (written,) = first.glob("shards-*/tokenizer.json")
    (raw / TOKENIZER).write_bytes(written.read_bytes())
    second = build(recipe_of(), raw, tmp_path).artifact
    assert stored_ids(second) == stored_ids(first)
    assert TextDataset(second).vocab == TextDataset(first).vocab
    records = [Manifest.load(artifact).vocabulary for artifact in (first, second)]
    facts = [r and (r.tokens, r.unknown, r.padding, r.padding_id) for r in records]
    assert facts[0] == facts[1]
