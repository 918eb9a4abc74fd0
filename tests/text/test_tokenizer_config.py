"""tokenizer_config.json says what tokenizer.json does not, and transformers takes both."""

import json
from pathlib import Path
from typing import Any

import pytest
import xxhash
from building import build
from own_tokenizers import train_tokenizer
from tokenizer_texts import recipe_of, write_texts, write_tokenizer

import shardmill
from shardmill import DamagedFileError, Preprocessor, TextDataset
from shardmill.format.verify_artifact import verify_artifact
from shardmill.recipe.load_recipe import parse_recipe
from shardmill.text.tokenizer_config import tokenizer_config

RECIPE = """
name = "{name}"
kind = "text"
csv.header = false
text.columns = ["class", "text"]
text.join = ["text"]
text.clean = ["lowercase"]
text.tokenizer = "{name}"
vocabulary.max_tokens = 200
splits.train.csv.path = "texts.csv"
"""
# Texts that hold the spelling of special tokens, and characters that no text of train has.
TEXTS = ["Abc, <pad> d. <unk> Ω", "", "e"]


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    write_texts(tmp_path / "raw", 40)
    write_tokenizer(tmp_path / "raw", train_tokenizer("WordPiece"))
    return tmp_path / "raw"


def built(raw: Path, tokenizer: str) -> Path:
    """Build an artifact with a tokenizer of the recipe's own, or with one that is learnt."""
    text = RECIPE.format(name=tokenizer)
    recipe = recipe_of() if tokenizer == "own" else parse_recipe(text, where="test")
    return build(recipe, raw, raw.parent)


def config_of(artifact: Path) -> Any:
    return json.loads(
        (TextDataset(artifact).tokenizer_folder / "tokenizer_config.json").read_text()
    )


def test_tokens_of_the_manifest(raw: Path) -> None:
    assert config_of(built(raw, "whitespace")) == {
        "clean_up_tokenization_spaces": False,
        "model_input_names": ["input_ids", "attention_mask"],
        "pad_token": "<pad>",
        "split_special_tokens": True,
        "tokenizer_class": "PreTrainedTokenizerFast",
        "unk_token": "<unk>",
    }


def test_tokens_of_a_tokenizer_of_ones_own(raw: Path) -> None:
    config = config_of(built(raw, "own"))
    assert (config["unk_token"], config["pad_token"]) == ("[UNK]", "[PAD]")
    # The file has added tokens, and the build finds them in texts, too.
    assert "split_special_tokens" not in config


def test_tokens_that_are_not_there() -> None:
    config = json.loads(tokenizer_config(b'{"added_tokens": []}', unknown=None, padding=None))
    assert not {"unk_token", "pad_token", "model_max_length"} & set(config)


def test_a_config_that_contradicts_the_manifest_is_found(raw: Path) -> None:
    artifact = built(raw, "whitespace")
    verify_artifact(artifact)
    path = TextDataset(artifact).tokenizer_folder / "tokenizer_config.json"
    content = path.read_bytes().replace(b'"<pad>"', b'"<unk>"')
    path.write_bytes(content)
    with pytest.raises(DamagedFileError, match=r"tokenizer_config\.json: expected xxh3_128"):
        verify_artifact(artifact)
    manifest = artifact / "manifest.json"
    facts = json.loads(manifest.read_text())
    record = facts["vocabulary"]["tokenizer_config"]
    record["xxh3_128"] = xxhash.xxh3_128_hexdigest(content)
    manifest.write_text(json.dumps(facts))
    with pytest.raises(DamagedFileError, match=r"found the tokens \('<unk>', '<unk>'\), not "):
        verify_artifact(artifact)


def test_artifacts_of_before_have_none(raw: Path) -> None:
    artifact = built(raw, "whitespace")
    manifest = artifact / "manifest.json"
    facts = json.loads(manifest.read_text())
    del facts["vocabulary"]["tokenizer_config"]
    manifest.write_text(json.dumps(facts))
    (TextDataset(artifact).tokenizer_folder / "tokenizer_config.json").unlink()
    verify_artifact(artifact)
    assert len(shardmill.open(artifact)) == 40


@pytest.mark.parametrize("tokenizer", ["basic_english", "characters", "bpe", "unigram", "own"])
def test_transformers_pads_and_gives_the_same_ids(raw: Path, tokenizer: str) -> None:
    transformers = pytest.importorskip("transformers", reason="it is large, and not in dev")
    artifact = built(raw, tokenizer)
    prepare = Preprocessor.load(artifact)
    theirs = transformers.AutoTokenizer.from_pretrained(TextDataset(artifact).tokenizer_folder)
    options = {"add_special_tokens": False} if tokenizer == "own" else {}
    batch = theirs(TEXTS, padding=True, return_tensors="pt", **options)
    ours: Any = prepare(TEXTS)
    assert batch["input_ids"].tolist() == ours.ids.tolist()
    assert batch["attention_mask"].sum(1).tolist() == ours.lengths.tolist()
    assert set(batch) == {"input_ids", "attention_mask"}
