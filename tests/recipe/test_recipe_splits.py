"""Recipes: splits, hold-outs, vocabularies, and what the hash depends on."""

import re
from fractions import Fraction

import pytest
from recipe_texts import IMAGE, TABULAR, TEXT, change, fault_of

from shardmill.errors import RecipeError
from shardmill.recipe.any_recipe import AnyRecipe
from shardmill.recipe.load_recipe import (
    parse_recipe,
)
from shardmill.recipe.splits import HoldOut

HOLD_OUT = "\n[splits.validation]\nhold_out = { split = 'train', fraction = 0.25 }\n"


@pytest.mark.parametrize(
    ("split", "fault"),
    [
        # no rows from anywhere
        (
            "[splits.test]",
            "splits.test: needs one of csv, parquet, arrow, jsonl, or hold_out; has none of them",
        ),
        # files of another kind
        (
            "[splits.test]\nimages = { path = 'a' }",
            "splits.test: needs one of csv, parquet, arrow, jsonl, or hold_out; has images",
        ),
        # hold_out of a split that is not there, of itself, of one that is held out
        (
            change(HOLD_OUT, "'train'", "'tran'"),
            "splits.validation.hold_out: needs a split with files of its own",
        ),
        (
            change(HOLD_OUT, "'train'", "'validation'"),
            "splits.validation.hold_out: needs a split with files of its own",
        ),
        (
            HOLD_OUT + change(HOLD_OUT, ".validation", ".test").replace("'train'", "'validation'"),
            "splits.test.hold_out: needs a split with files of its own",
        ),
        # hold_out beside a file
        (HOLD_OUT + "csv = { path = 'a' }", "splits.validation.hold_out: needs a split with files"),
        # what is said of the split that they are of
        *[
            (HOLD_OUT + said, "splits.validation: optional and labelled belong to the split")
            for said in ("optional = true", "labelled = false")
        ],
        # one file with two contents
        (
            f"[splits.test.csv]\npath = 'trees/train.csv'\nchecksum = 'md5:{'0' * 32}'",
            "splits: trees/train.csv has other urls, checksum or rows in another split",
        ),
        # fractions
        (HOLD_OUT.replace("0.25", "0.6"), "hold_out.fraction: Input should be less than or equal"),
        (HOLD_OUT.replace("0.25", "0.0"), "hold_out.fraction: Input should be greater than or"),
        (HOLD_OUT.replace("0.25", "nan"), "hold_out.fraction: Input should be"),
        (HOLD_OUT.replace("0.25", "0.25, seed = -1"), "hold_out.seed: Input should be greater"),
        # facts about the file
        ("checksum = 'sha256:12'", "splits.train.csv.checksum: must be sha256: and"),
        (f"checksum = 'md5:{'A' * 32}'", "splits.train.csv.checksum: must be sha256: and"),
        # how the file is written
        ("[csv]\ndelimiter = ''", "csv.delimiter: String should have at least 1 character"),
        ("[csv]\ndelimiter = ' \"'", "csv: quote: '\"' is part of the delimiter"),
        ('[csv]\ndelimiter = "a\\n"', "csv.delimiter: must not hold the end of a line"),
        ("[csv]\nquote = 'ab'", "csv.quote: must be a printable ASCII"),
        ("[csv]\nescape = '\"'", "csv: escape: is the quote; two quotes stand for one"),
        ("[csv]\ncomment = '\"#'", "csv: comment: begins with the quote or the escape"),
        (
            "[csv]\nskip_space = true\ndelimiter = 'whitespace'",
            "csv: skip_space: spaces are the delimiter",
        ),
        (
            "[csv]\nheader = false\nother_columns = 'ignore'",
            "csv: other_columns: needs a header, which names the columns",
        ),
        (
            "[splits.test.csv]\npath = 'trees/train.csv'",
            "splits: trees/train.csv is in train and in test; say which rows of it by where",
        ),
        (
            "where = { height = '1' }\n[splits.test.csv]\npath = 'trees/train.csv'\n"
            "where = { height = ['1', '2'] }",
            "splits: trees/train.csv is in train and in test; say which rows",
        ),
        (
            "[splits.a]\nhold_out = { split = 'train', fraction = 0.1, group = 'kind' }\n"
            "[splits.b]\nhold_out = { split = 'train', fraction = 0.1 }",
            "splits: all that is held out of train must name one group",
        ),
        ("where = { a = 1 }", "splits.train.csv.where.a: must be a text, or a list of texts"),
        ("where = { a = ' x' }", "splits.train.csv.where.a: ' x' has white space around it"),
        ("where = { a = 'x' }", "splits.train.csv.where: no column 'a'"),
        ("quote = ','", "splits.train.csv: quote: ',' is part of the delimiter"),
        (
            "[csv]\nencoding = 'utf-9'",
            "csv.encoding: must be an encoding of text that Python knows",
        ),
        ("[csv]\nencoding = 'rot13'", "csv.encoding: must be an encoding of text that Python"),
        ("[csv]\nencoding = ''", "csv.encoding: must be an encoding of text that Python knows"),
        ("[csv]\non_bad_row = 'drop'", "csv.on_bad_row: Input should be 'fail' or 'quarantine'"),
        ("[csv]\nmax_bad_rows = 0.5", 'csv: max_bad_rows: needs on_bad_row = "quarantine"'),
        ("[csv]\nmax_bad_rows = 1.5", "csv.max_bad_rows: Input should be less than or equal to 1"),
    ],
)
def test_faults_of_splits_and_files(split: str, fault: str) -> None:
    assert fault in fault_of(TABULAR + split)


def test_hold_out() -> None:
    split = parse_recipe(TABULAR + HOLD_OUT, where="here").splits["validation"]
    assert split.files() == ()
    assert split.hold_out is not None
    assert split.hold_out.ratio() == Fraction(1, 4)


@pytest.mark.parametrize(
    ("fraction", "ratio"),
    # the floats are not exact, the fractions are, with a denominator of at most 1,000
    [
        (0.1, Fraction(1, 10)),
        (1 / 3, Fraction(1, 3)),
        (0.33333, Fraction(1, 3)),
        (0.001, Fraction(1, 1000)),
    ],
)
def test_ratio_is_the_fraction_that_was_meant(fraction: float, ratio: Fraction) -> None:
    assert HoldOut(split="train", fraction=fraction).ratio() == ratio


@pytest.mark.parametrize(
    ("vocabulary", "fault"),
    [
        ("specials = ['<pad>']", "vocabulary: unknown: '<unk>' is not one of the specials"),
        ("padding = '[PAD]'", "vocabulary: padding: '[PAD]' is not one of the specials"),
        ("specials = ['<unk>', '<pad>', '']", "vocabulary: specials: must not be empty or hold"),
        ('specials = ["<unk>", "<pad>", "a\\nb"]', "vocabulary: specials: must not be empty or"),
        ("specials = ['<unk>', '<unk>']", "vocabulary.specials: named twice: <unk>"),
        ("max_tokens = 2", "vocabulary: max_tokens: leaves no room beside the specials"),
        ("max_tokens = 0", "vocabulary.max_tokens: Input should be greater than or equal to 1"),
        ("min_freq = 0", "vocabulary.min_freq: Input should be greater than or equal to 1"),
        ("order = 'random'", "vocabulary.order: Input should be 'frequency' or 'first_seen'"),
        ("min_frequency = 2", "vocabulary.min_frequency: unknown key, did you mean min_freq?"),
    ],
)
def test_faults_of_a_vocabulary(vocabulary: str, fault: str) -> None:
    assert fault in fault_of(f"{TEXT}[vocabulary]\n{vocabulary}")


@pytest.mark.parametrize(
    ("vocabulary", "fault"),
    [
        ("", "vocabulary.max_tokens: bpe needs to know how many tokens to learn, such as 8000"),
        # what is the default too
        ("min_freq = 1", "vocabulary.min_freq: means nothing to bpe, so leave it out"),
        ("order = 'frequency'", "vocabulary.order: means nothing to bpe, so leave it out"),
        ("specials = ['<unk>', '<pad>', 'SEP']", "bpe could find 'SEP' in a text, so put it"),
        ("specials = ['<unk>', '<pad>', '?']", "bpe could find '?' in a text, so put it between"),
    ],
)
def test_faults_of_a_vocabulary_of_pieces(vocabulary: str, fault: str) -> None:
    for tokenizer in ("bpe", "unigram"):
        text = change(TEXT, "join", f"tokenizer = '{tokenizer}'\njoin")
        said = fault.replace("bpe", tokenizer)
        assert said in fault_of(f"{text}[vocabulary]\n{vocabulary}")


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('column = "class"', 'column = "klass"', "text.columns: does not name klass"),
        ('join = ["title"', 'join = ["titel"', "text.columns: does not name titel"),
        ('join = ["title"', 'join = ["class"', "text.join: holds class, which is the target"),
        (
            'classes = ["a", "b"]',
            'classes = ["a", "b "]',
            "target: classes: 'b ' has white space around it, which no label has",
        ),
        ('join = ["title", "body"]', "join = []", "text.join: Tuple should have at least 1 item"),
        ('["class", "title"', '["title", "title"', "text.columns: named twice: title"),
        (
            "join",
            "clean = ['upper']\njoin",
            "text.clean.0: Input should be 'html', 'newlines', 'nfc', 'alphanumeric', 'words' or ",
        ),
        ("join", "clean = ['alphanumeric', 'html']\njoin", "text.clean: html can do nothing"),
        ("join", "clean = ['words', 'nfc', 'words']\njoin", "words can do nothing after words"),
        (
            "join",
            "clean = ['lowercase', 'lowercase']\njoin",
            "lowercase can do nothing after lower",
        ),
        ("join", "tokenizer = 'words'\njoin", "text.tokenizer: Input should be 'basic_english', "),
    ],
)
def test_faults_of_a_text_recipe(old: str, new: str, fault: str) -> None:
    assert fault in fault_of(change(TEXT, old, new))


def test_image_split_needs_labels_unless_it_has_none() -> None:
    labels = 'labels = { path = "labels" }'
    fault = "splits.train: needs images and labels, or folder, or csv, or hold_out; has images"
    assert fault_of(change(IMAGE, labels, "")) == fault
    assert parse_recipe(change(IMAGE, labels, "labelled = false"), where="here")
    fault = "splits.train: needs images, or folder, or csv, or hold_out; has images and labels"
    assert fault_of(IMAGE + "labelled = false") == fault


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("name = 'a'", "nothing"),
        ("kind = 'tables'", "'tables'"),
        ("kind = 1", "1"),
        ("kind = ['text']", r"\['text'\]"),
    ],
)
def test_unknown_kind(text: str, found: str) -> None:
    match = rf"^r.toml: kind: expected one of tabular, image, text, found {found}; correct"
    with pytest.raises(RecipeError, match=match):
        parse_recipe(text, where="r.toml")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("x =\n", 1),
        ("[a\n", 1),
        # a key twice
        ("a = 1\na = 2\n", 2),
        ("a = 1\nkind = text\n", 2),
        ("\0", 1),
    ],
)
def test_invalid_toml(text: str, line: int) -> None:
    with pytest.raises(RecipeError, match=rf"^r.toml: expected valid TOML, found .*line {line}, "):
        parse_recipe(text, where="r.toml")


def keys(recipe: AnyRecipe) -> set[str]:
    return set(recipe.clean_facts())


def test_hash_follows_the_facts_and_the_order_of_columns() -> None:
    recipe = parse_recipe(TABULAR, where="here")
    assert re.fullmatch("[0-9a-f]{64}", recipe.sha256())
    commented = parse_recipe("# trees\n" + TABULAR, where="there")
    assert commented.sha256() == recipe.sha256()
    line = 'height = { dtype = "float64", missing = "mean" }\n'
    turned = change(change(TABULAR, line, ""), "[target]", f"{line}[target]")
    assert parse_recipe(turned, where="here").sha256() != recipe.sha256()


def test_clean_facts_leave_out_what_only_shards_depend_on() -> None:
    assert "description" not in keys(parse_recipe(TABULAR, where="here"))
    text = parse_recipe(TEXT, where="here")
    assert {"description", "vocabulary"} & keys(text) == set()
    other = parse_recipe(f"{TEXT}[vocabulary]\nmin_freq = 2", where="here")
    assert other.clean_facts() == text.clean_facts()
    assert other.sha256() != text.sha256()
