"""Vocabularies that cannot be taken from another artifact."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from lenders import LENT, ROWS, TEXT, borrower, build, lender, recipe_of, write_rows
from own_tokenizers import train_tokenizer

import shardmill
from shardmill.errors import AgreementError, DamagedFileError, MissingArtifactError, RecipeError
from shardmill.pipeline.sample.write_idx import encode_idx
from shardmill.recipe.any_recipe import AnyRecipe
from shardmill.recipe.load_recipe import parse_recipe


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    write_rows(tmp_path / "raw", "words", LENT)
    write_rows(tmp_path / "raw", "fresh", ROWS)
    return tmp_path / "raw"


@pytest.fixture
def out(raw: Path, tmp_path: Path) -> Path:
    """A folder of artifacts with one that lends and one that borrows."""
    build(raw, tmp_path / "out", lender(), borrower())
    return tmp_path / "out"


# Faults


def failed(raw: Path, out: Path, recipe: AnyRecipe) -> str:
    """Return what a build says that fails before it writes anything."""
    with pytest.raises(AgreementError) as caught:
        build(raw, out, recipe)
    assert not list(out.glob(f"{recipe.name}/clean-*"))
    message = str(caught.value)
    assert message.startswith(str(out))
    assert message.endswith("; correct text or vocabulary.from in the recipe")
    return message


def test_no_other_artifact(raw: Path, tmp_path: Path) -> None:
    match = (
        r"out/words: expected an artifact, whose vocabulary fresh takes, found none; "
        r"build words first, or correct vocabulary\.from in the recipe$"
    )
    with pytest.raises(MissingArtifactError, match=match):
        build(raw, tmp_path / "out", borrower())
    assert not list((tmp_path / "out").glob("fresh/clean-*"))


def test_an_artifact_of_images(raw: Path, tmp_path: Path) -> None:
    (raw / "images").write_bytes(encode_idx(np.zeros((3, 2, 2), np.uint8)))
    images = parse_recipe(
        'name = "words"\nkind = "image"\n'
        'splits.train = { images.path = "images", labelled = false }',
        where="test",
    )
    build(raw, tmp_path, images)
    expected = "expected an artifact of kind text, found an artifact of kind image"
    assert expected in failed(raw, tmp_path, borrower())


def test_an_artifact_with_a_tokenizer_file(raw: Path, tmp_path: Path) -> None:
    (raw / "t.json").write_text(train_tokenizer("BPE").to_str())
    build(raw, tmp_path, lender('text.tokenizer_file.path = "t.json"'))
    expected = "expected a vocabulary of words, found that of a tokenizer_file"
    assert expected in failed(raw, tmp_path, borrower())


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ('["lowercase"]', "[]", "clean [] and tokenizer basic_english"),
        (
            '["lowercase"]',
            '["lowercase", "alphanumeric"]',
            "clean ['lowercase', 'alphanumeric'] and tokenizer basic_english",
        ),
        (
            "text.join",
            'text.tokenizer = "whitespace"\ntext.join',
            "clean ['lowercase'] and tokenizer whitespace",
        ),
        (
            "text.join",
            'text.tokenizer = "bpe"\nvocabulary.max_tokens = 9\ntext.join',
            "clean ['lowercase'] and tokenizer bpe",
        ),
    ],
)
def test_texts_cut_in_another_way(
    raw: Path, tmp_path: Path, old: str, new: str, found: str
) -> None:
    other = TEXT.format(name="words", more="")
    assert old in other
    build(raw, tmp_path, parse_recipe(other.replace(old, new), where="test"))
    expected = "texts with clean ['lowercase'] and tokenizer basic_english, as fresh has them"
    assert f"expected {expected}, found {found}" in failed(raw, tmp_path, borrower())


def test_a_damaged_vocabulary(raw: Path, out: Path) -> None:
    (written,) = out.glob("words/shards-*/vocab.txt")
    written.write_bytes(written.read_bytes().replace(b"b\n", b"B\n"))
    shutil.rmtree(out / "fresh")
    with pytest.raises(DamagedFileError, match=r"words/.*vocab\.txt: expected .* with xxh3_128"):
        build(raw, out, borrower())
    assert not list(out.glob("fresh/clean-*"))


def test_a_failure_of_the_other_is_told_first(raw: Path, tmp_path: Path) -> None:
    (raw / "words.csv").write_text("z,unknown class\n")
    with pytest.raises(shardmill.ShardmillError, match="one of x, y") as caught:
        build(raw, tmp_path, borrower(), lender())
    (note,) = caught.value.__notes__
    assert "build words first" in note


@pytest.mark.parametrize(
    ("rules", "found"),
    [
        # even those that are the default
        ("min_freq = 1", "vocabulary: from: that vocabulary is taken as it is, so leave out min_"),
        (
            'specials = ["<unk>", "<pad>"], order = "frequency"',
            "vocabulary: from: that vocabulary is taken as it is, so leave out order, specials",
        ),
        ('fro = "words"', "vocabulary.fro: unknown key, did you mean from?"),
        ('from_artifact = "words"', "vocabulary.from_artifact: unknown key, "),
        ("xyz = 3", "known here: from, max_tokens, min_freq, order, padding, specials, unknown"),
    ],
)
def test_faults_beside_from(rules: str, found: str) -> None:
    with pytest.raises(RecipeError) as caught:
        recipe_of("fresh", f'vocabulary = {{ {rules}, from = "words" }}')
    assert found in caught.value.found
    assert "did you mean from_artifact" not in caught.value.found


@pytest.mark.parametrize(
    ("of", "found"),
    [
        ('"fresh"', "vocabulary.from: must name another artifact than this recipe's own"),
        ('"../words"', "vocabulary.from: must be up to 64"),
        ("3", "vocabulary.from: "),
    ],
)
def test_faults_of_from(of: str, found: str) -> None:
    with pytest.raises(RecipeError) as caught:
        recipe_of("fresh", f"vocabulary.from = {of}")
    assert found in caught.value.found
