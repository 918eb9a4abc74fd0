"""Recipes with a tokenizer.json of their own: the library's ids, and every way it may be wrong."""

import csv
import gzip
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from fit_rows import fit_preprocessor
from own_tokenizers import MODELS, SPECIALS, toy_texts, train_tokenizer
from tokenizers import Tokenizer

from shardmill import Preprocessor, TextDataset
from shardmill.errors import (
    DamagedFileError,
    InputError,
    MissingLibraryError,
    MissingRawFileError,
    RecipeError,
    TokenizerFileError,
)
from shardmill.format.batch import Padded
from shardmill.format.describe_artifact import describe, describe_lines
from shardmill.format.manifest import Manifest
from shardmill.format.read_checked import read_raw_records
from shardmill.format.verify_artifact import verify_artifact
from shardmill.pipeline.builds.build_artifacts import BuildOptions, Outcome, build_artifacts
from shardmill.pipeline.builds.find_sources import Sources
from shardmill.recipe.any_recipe import AnyRecipe
from shardmill.recipe.load_recipe import parse_recipe
from shardmill.text.encode_texts import _tokenizer
from shardmill.text.tokenizer_file import TokenizerFacts, read_tokenizer
from shardmill.text.vocab import UnknownTokenError

ROWS = 4_200  # more than are encoded at a time, and a shard more than:
ROWS_PER_SHARD = 4_096  # the fewest whose int32 sizes end at a page border
TOKENIZER = "tok/tokenizer.json"


def recipe_of(more: str = "", *, special_tokens: bool = False, path: str = TOKENIZER) -> AnyRecipe:
    return parse_recipe(
        f"""
        name = "own"
        kind = "text"
        csv.header = false
        text.columns = ["class", "body"]
        text.join = ["body"]
        text.clean = ["html"]
        text.tokenizer_file.path = "{path}"
        text.tokenizer_file.special_tokens = {str(special_tokens).lower()}
        target = {{ column = "class", classes = ["a", "b"] }}
        splits.train.csv.path = "texts.csv"
        {more}
        """,
        where="test",
    )


def write_texts(raw: Path, rows: int, *, seed: int = 1) -> None:
    raw.mkdir(exist_ok=True)
    with (raw / "texts.csv").open("w", encoding="utf-8", newline="") as file:
        texts = [*toy_texts(rows - 2, seed=seed), "", "unseen \U0001f600 &amp; [CLS]"]
        csv.writer(file).writerows(["ab"[n % 2], text] for n, text in enumerate(texts))


def write_tokenizer(raw: Path, tokenizer: Tokenizer) -> bytes:
    content: bytes = tokenizer.to_str(pretty=True).encode()
    (raw / TOKENIZER).parent.mkdir(parents=True, exist_ok=True)
    (raw / TOKENIZER).write_bytes(content)
    return content


def build(recipe: AnyRecipe, raw: Path, out: Path, **options: Any) -> Outcome:
    return build_artifacts(Sources((recipe,), raw), BuildOptions(out=out, **options))[0]


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
    ]
    assert (record.unknown, record.padding, record.padding_id) == ("[UNK]", "[PAD]", 1)
    assert record.tokens == len(ds.vocab) == whole.get_vocab_size()
    assert ds.vocab.get_stoi() == whole.get_vocab()
    assert ds.vocab["\U0001f600"] == ds.vocab["[UNK]"] == 0
    assert [r.path for r in read_raw_records(artifact, ds.manifest)] == ["texts.csv", TOKENIZER]
    assert verify_artifact(artifact).files == len(list(ds.manifest.files()))

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
    facts = describe(manifest, read_raw_records(artifact, manifest))
    assert facts["vocabulary"] == {"tokens": 200, "unknown": "[UNK]", "padding": "[PAD]"}
    assert "vocabulary     200 tokens" in list(describe_lines(facts))


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


# What stands in the file


def facts_of(model: dict[str, Any], **more: Any) -> TokenizerFacts:
    facts = {"model": model, "added_tokens": [], **more}
    return read_tokenizer(json.dumps(facts).encode(), where="t.json")


@pytest.mark.parametrize("model", MODELS)
def test_vocabulary_is_the_librarys(model: str) -> None:
    tokenizer = train_tokenizer(model)
    tokenizer.add_tokens(["new word"])
    facts = read_tokenizer(tokenizer.to_str().encode(), where="t.json")
    assert facts.vocab.get_stoi() == tokenizer.get_vocab()
    assert facts.vocab["new word"] == len(facts.vocab) - 1
    assert (facts.unknown, facts.padding) == ("[UNK]", "[PAD]")
    assert [facts.vocab[name] for name in SPECIALS] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("padding", "vocab", "expected"),
    [
        # what the file pads with, if it is a token
        ({"pad_token": "b"}, ["a", "b", "<pad>"], "b"),
        ({"pad_token": "x"}, ["a", "b", "<pad>"], "<pad>"),
        # else what others have called it
        (None, ["a", "[PAD]"], "[PAD]"),
        (None, ["a", "<|pad|>"], "<|pad|>"),
        (None, ["a", "b"], None),
    ],
)
def test_padding(padding: Any, vocab: list[str], expected: str | None) -> None:
    numbers = {token: number for number, token in enumerate(vocab)}
    assert facts_of({"vocab": numbers}, padding=padding).padding == expected


def test_no_unknown_token() -> None:
    for unknown in ({}, {"unk_token": None}, {"unk_token": "absent"}):
        facts = facts_of({"vocab": {"a": 0}, **unknown})
        assert facts.unknown is None
        with pytest.raises(UnknownTokenError, match="no default index"):
            facts.vocab["zebra"]
    assert facts_of({"vocab": [["a", -1.5], ["u", 0.0]], "unk_id": None}).unknown is None
    facts = facts_of({"vocab": [["a", -1.5], ["u", 0.0]], "unk_id": 1})
    assert (facts.unknown, facts.vocab["zebra"]) == ("u", 1)


def test_numbers_without_a_token() -> None:
    added = [{"id": 4, "content": "<s>"}, {"id": 3, "content": "a"}]
    facts = facts_of({"vocab": {"a": 0, "b": 2}}, added_tokens=added)
    assert facts.vocab.get_itos() == ["<unused 0>", "<unused 1>", "b", "a", "<s>"]


BAD = [
    # not JSON
    (b"not json", "JSONDecodeError"),
    (b'{"model": ', "JSONDecodeError"),
    (b"\xff\xfe{\0}\0", "UnicodeDecodeError"),
    (b"\xef\xbb\xbf{}", "JSONDecodeError"),
    (b"[" * 100_000, "RecursionError"),
    # something else
    (b"[]", "TypeError"),
    (b"3", "TypeError"),
    (b"{}", "KeyError: 'model'"),
    (b'{"model": {"vocab": {"a": 0}}}', "KeyError: 'added_tokens'"),
    (b'{"model": {"type": "BPE"}, "added_tokens": []}', "KeyError: 'vocab'"),
    (b'{"model": {"vocab": 3}, "added_tokens": []}', "TypeError"),
    (b'{"model": {"vocab": ["a", "b"]}, "added_tokens": []}', "ValueError"),
    (b'{"model": {"vocab": {}}, "added_tokens": []}', "ValueError"),
    (b'{"model": {"vocab": {"a": "x"}}, "added_tokens": []}', "ValueError"),
    (b'{"model": {"vocab": {"a": 0}}, "added_tokens": [{"id": 1}]}', "KeyError: 'content'"),
    (b'{"model": {"vocab": [["a", 0]], "unk_id": 9}, "added_tokens": []}', "IndexError"),
    (b'{"model": {"vocab": {"a": 0}}, "added_tokens": [], "padding": 3}', "AttributeError"),
    # numbers that no shard can hold
    (b'{"model": {"vocab": {"a": -1}}, "added_tokens": []}', "numbers of tokens from -1 to -1"),
    (b'{"model": {"vocab": {"a": 4e9}}, "added_tokens": []}', "from 4000000000 to 4000000000"),
]


@pytest.mark.parametrize(("content", "found"), BAD)
def test_faults_of_the_file(content: bytes, found: str) -> None:
    match = r"^t\.json: expected a tokenizer\.json .*, found something else \(.*; save it with"
    with pytest.raises(TokenizerFileError, match=match) as caught:
        read_tokenizer(content, where="t.json")
    assert found in caught.value.found


@pytest.mark.parametrize(
    "content",
    [
        *(content for content, _ in BAD),
        # whose tokens can be read, and which encodes nothing
        b'{"model": {"type": "New", "vocab": {"a": 0}}, "added_tokens": []}',
        b'{"version": "9", "model": {"type": "WordLevel", "vocab": {"a": 0}}, "added_tokens": []}',
    ],
)
def test_a_bad_file_fails_before_the_clean_stage(raw: Path, tmp_path: Path, content: bytes) -> None:
    artifact = build(recipe_of(), raw, tmp_path).artifact
    before = (artifact / "manifest.json").read_bytes()
    (raw / TOKENIZER).write_bytes(content)
    with (raw / "texts.csv").open("a") as file:
        file.write("a,one more\n")
    with pytest.raises(TokenizerFileError, match=r"tok/tokenizer\.json: expected a tokenizer"):
        build(recipe_of(), raw, tmp_path)
    assert (artifact / "manifest.json").read_bytes() == before
    assert len(list(artifact.glob("clean-*"))) == 1


def test_a_missing_file(raw: Path, tmp_path: Path) -> None:
    (raw / TOKENIZER).rename(raw / "tok/tokenizers.json")
    match = r"tok/tokenizer\.json: expected a raw file, found tokenizers\.json beside it; check"
    with pytest.raises(MissingRawFileError, match=match):
        build(recipe_of(), raw, tmp_path)
    (raw / "tok/tokenizers.json").unlink()
    recipe = recipe_of('text.tokenizer_file.urls = ["https://localhost/tokenizer.json"]')
    with pytest.raises(MissingRawFileError, match="found none; run `shardmill fetch`, or check"):
        build(recipe, raw, tmp_path)


def test_an_empty_file(raw: Path, tmp_path: Path) -> None:
    (raw / TOKENIZER).write_bytes(b"")
    with pytest.raises(InputError, match=r"tok/tokenizer\.json: .* found an empty file"):
        build(recipe_of(), raw, tmp_path)


def test_a_damaged_copy(raw: Path, tmp_path: Path) -> None:
    artifact = build(recipe_of(), raw, tmp_path).artifact
    (written,) = artifact.glob("shards-*/tokenizer.json")
    written.write_bytes(written.read_bytes().replace(b"[PAD]", b"[pad]"))
    with pytest.raises(DamagedFileError, match=r"tokenizer\.json: expected .* with xxh3_128"):
        Preprocessor.load(artifact)
    with pytest.raises(DamagedFileError, match=r"tokenizer\.json: expected .* with xxh3_128"):
        TextDataset(artifact).vocab  # noqa: B018


def test_without_the_library(raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    artifact = build(recipe_of(), raw, tmp_path / "out").artifact
    write_tokenizer(raw, train_tokenizer("WordLevel", seed=3))
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    match = (
        r"^text\.tokenizer_file: expected the library tokenizers, found none; "
        r"pip install 'shardmill\[tokenizers\]'$"
    )
    # To build: before anything has been cleaned.
    with pytest.raises(MissingLibraryError, match=match):
        build(recipe_of(), raw, tmp_path / "new")
    assert not list((tmp_path / "new").glob("own/clean-*"))
    # To encode with one that has not been read yet, but neither to clean nor to read.
    assert build(recipe_of(), raw, tmp_path / "new", stages=("clean",)).status == "built"
    ds = TextDataset(artifact)
    assert (len(ds), len(ds.vocab)) == (40, 200)
    preprocessor = Preprocessor.load(artifact)
    _tokenizer.cache_clear()
    with pytest.raises(MissingLibraryError, match=match):
        preprocessor(["a text"])


def test_fit_does_not_learn_another_vocabulary() -> None:
    with pytest.raises(ValueError, match="not for the train rows to say"):
        fit_preprocessor(recipe_of(), iter([]))


# Recipes


@pytest.mark.parametrize(
    ("more", "found"),
    [
        ('text.tokenizer = "whitespace"', "stands for text.tokenizer, which must go"),
        # what is the default too
        ('text.tokenizer = "basic_english"', "stands for text.tokenizer, which must go"),
        ("vocabulary.min_freq = 2", "stands for vocabulary, which must go"),
        ('vocabulary.from = "other"', "stands for vocabulary, which must go"),
        (
            'text.tokenizer = "whitespace"\nvocabulary.max_tokens = 9',
            "text.tokenizer_file: stands for text.tokenizer and vocabulary, which must go",
        ),
        ("text.tokenizer_file.rows = 3", "text.tokenizer_file: must be one file, without"),
        ("text.tokenizer_file.special = true", "unknown key, did you mean special_tokens?"),
        ('text.tokenizer_file.checksum = "x"', "text.tokenizer_file.checksum: "),
    ],
)
def test_faults_of_the_recipe(more: str, found: str) -> None:
    with pytest.raises(RecipeError) as caught:
        recipe_of(more)
    assert found in caught.value.found


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("tok/*.json", "must be one file, without * or ?"),
        ("../tokenizer.json", "below the raw folder"),
    ],
)
def test_faults_of_the_path(path: str, found: str) -> None:
    with pytest.raises(RecipeError, match=r"text\.tokenizer_file") as caught:
        recipe_of(path=path)
    assert found in caught.value.found
