"""Artifacts that take the vocabulary of another one."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from lenders import LENDER, LENT, ROWS, TEXT, borrower, build, lender, recipe_of, write_rows

import shardmill
from shardmill import Preprocessor, TextDataset
from shardmill.cli import main
from shardmill.format.manifest import Manifest
from shardmill.pipeline.stages.borrow_vocab import lenders_first
from shardmill.recipe.any_recipe import AnyRecipe

IDS = [[3, 2], [1], [], [5, 5, 2, 1]]


def ids_of(artifact: Path) -> list[list[int]]:
    return [ids.tolist() for ids, _ in TextDataset(artifact)]


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


def test_ids_are_those_of_the_other_artifact(out: Path) -> None:
    words, fresh = TextDataset(out / "words"), TextDataset(out / "fresh")
    assert words.vocab.get_itos() == ["[P]", "[U]", "b", "a", ",", "c"]
    assert fresh.vocab == words.vocab
    assert fresh.vocab["zebra"] == words.vocab["zebra"] == 1
    assert ids_of(out / "fresh") == IDS
    records = [ds.manifest.vocabulary for ds in (words, fresh)]
    facts = [r and (r.tokens, r.unknown, r.padding, r.padding_id) for r in records]
    assert facts[0] == facts[1] == (6, "[U]", "[P]", 0)
    for name in ("vocab.txt", "tokenizer.json"):
        contents = [next(ds.path.glob(f"shards-*/{name}")).read_bytes() for ds in (words, fresh)]
        assert contents[0] == contents[1]


def test_the_manifest_says_where_it_is_from(out: Path) -> None:
    assert Manifest.load(out / "fresh").recipe["vocabulary"] == {"from": "words"}
    assert "from" not in Manifest.load(out / "words").recipe["vocabulary"]


def test_new_rows_take_the_same_numbers(out: Path) -> None:
    shutil.rmtree(out / "words")  # which is not needed any more
    preprocessor = Preprocessor.load(out / "fresh")
    assert preprocessor.recipe == borrower()
    x = preprocessor(ROWS)
    assert isinstance(x, shardmill.Padded)
    assert x.ids.tolist() == [[3, 2, 0, 0], [1, 0, 0, 0], [0] * 4, [5, 5, 2, 1]]
    assert x.lengths.tolist() == [2, 1, 0, 4]


def test_both_can_be_joined(out: Path) -> None:
    words, fresh = TextDataset(out / "words"), TextDataset(out / "fresh")
    x, y = shardmill.concat([words, fresh])[[0, 3, 6]]
    assert x.ids.tolist() == [[2, 3, 0, 0], [3, 2, 0, 0], [5, 5, 2, 1]]
    assert y.tolist() == [0, 0, 1]
    mixed = shardmill.mix({words: 0.5, fresh: 0.5}, rows=8)
    targets = torch.cat([y for _, y in mixed.loader(batch_size=4)])
    assert len(targets) == 8


def test_builds_are_equal_byte_for_byte(raw: Path, tmp_path: Path) -> None:
    contents = []
    for workers in (1, 2):
        out = tmp_path / str(workers)
        build(raw, out, lender(), borrower(), workers=workers)
        files = sorted(p for p in out.rglob("*") if p.is_file() and p.name != "build.json")
        contents.append({p.relative_to(out): p.read_bytes() for p in files})
    assert contents[0] == contents[1]


PIECES = 'vocabulary.max_tokens = 12\ntext.tokenizer = "bpe"'


def test_a_tokenizer_that_was_learnt(raw: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    write_rows(raw, "third", ["c zebra"])
    borrowers = [borrower('text.tokenizer = "bpe"', name="third", of="fresh")]
    borrowers.append(borrower('text.tokenizer = "bpe"'))
    build(raw, out, lender(PIECES), *borrowers)
    paths = [next(out.glob(f"{name}/shards-*/tokenizer.json")) for name in ("words", "third")]
    assert paths[0].read_bytes() == paths[1].read_bytes()
    vocab = TextDataset(out / "words").vocab
    assert vocab.get_itos()[:6] == ["<unk>", "<pad>", ",", "a", "b", "c"]
    assert ids_of(out / "third") == [[vocab["\u2581c"], vocab["\u2581"], 0, 0, vocab["b"], 0, 3]]
    x = Preprocessor.load(out / "third")(["C zebra"])
    assert isinstance(x, shardmill.Padded)
    assert x.ids.tolist() == ids_of(out / "third")

    write_rows(raw, "words", [*LENT, "zebra zebra zebra"])
    outcomes = build(raw, out, lender(PIECES), *borrowers)
    assert [outcome.status for outcome in outcomes] == ["built"] * 3


# When it is built anew


def test_another_vocabulary_of_the_other(raw: Path, out: Path) -> None:
    assert build(raw, out, borrower())[0].status == "up to date"
    write_rows(raw, "words", [*LENT, "zebra zebra zebra"])
    # Not before the other one is built.
    assert build(raw, out, borrower())[0].status == "up to date"
    outcomes = build(raw, out, lender(), borrower())
    assert [outcome.status for outcome in outcomes] == ["built", "built"]
    why = "the vocabulary of words has changed, or shardmill has"
    assert outcomes[1].reasons == {"shard": why}
    assert ids_of(out / "fresh") == [[4, 2], [3], [], [6, 6, 2, 1]]
    assert build(raw, out, borrower())[0].status == "up to date"


@pytest.mark.parametrize("options", [{"force": True}, {"rows_per_shard": 4_096}])
def test_the_same_vocabulary_in_another_place(
    raw: Path, out: Path, options: dict[str, Any]
) -> None:
    write_rows(raw, "words", LENT[::-1])
    assert build(raw, out, lender(), **options)[0].status == "built"
    assert build(raw, out, borrower())[0].status == "up to date"


def test_another_role_of_a_token(raw: Path, out: Path) -> None:
    build(raw, out, lender(LENDER.replace('unknown = "[U]"', 'unknown = "[P]"')))
    assert build(raw, out, borrower())[0].status == "built"
    assert ids_of(out / "fresh") == [[3, 2], [0], [], [5, 5, 2, 0]]


def test_back_to_its_own(raw: Path, out: Path) -> None:
    outcome = build(raw, out, recipe_of("fresh", ""))[0]
    assert outcome.reasons == {"shard": "the recipe has changed"}
    assert TextDataset(out / "fresh").vocab.get_itos()[:2] == ["<unk>", "<pad>"]


# Order


def test_recipes_in_any_order(raw: Path, tmp_path: Path) -> None:
    write_rows(raw, "third", ["b zebra"])
    third = borrower(name="third", of="fresh")
    outcomes = build(raw, tmp_path, third, borrower(), lender())
    assert [outcome.name for outcome in outcomes] == ["words", "fresh", "third"]
    assert ids_of(tmp_path / "third") == [[2, 1]]


@pytest.mark.parametrize(
    ("given", "ordered"),
    [
        # name, or name<lender
        ("a b c", "a b c"),
        ("c b<c a", "c b a"),
        ("a b<c c", "a c b"),
        ("a<c b c<d d", "d c a b"),
        ("a<c b<c c", "c a b"),
        # none that is in the command
        ("a<x b", "a b"),
        # in a circle: as it comes, the build says what is missing
        ("a<b b<a c", "b a c"),
        ("", ""),
    ],
)
def test_lenders_come_first(given: str, ordered: str) -> None:
    recipes: list[AnyRecipe] = []
    for name, _, of in (pair.partition("<") for pair in given.split()):
        recipes.append(borrower(name=name, of=of) if of else recipe_of(name, ""))
    found = lenders_first(recipes)
    assert [recipe.name for recipe in found] == ordered.split()
    assert sorted(map(id, found)) == sorted(map(id, recipes))


def test_dry_run(raw: Path, tmp_path: Path) -> None:
    recipes = (borrower(), lender())
    outcomes = build(raw, tmp_path / "out", *recipes, dry_run=True)
    assert [(o.name, o.status) for o in outcomes] == [("words", "to build"), ("fresh", "to build")]
    assert outcomes[1].reasons == {"shard": "words, whose vocabulary it takes, is to be built"}
    assert not (tmp_path / "out").exists()
    build(raw, tmp_path / "out", *recipes)
    outcomes = build(raw, tmp_path / "out", *recipes, dry_run=True)
    assert [outcome.status for outcome in outcomes] == ["up to date"] * 2


def test_on_the_command_line(raw: Path, tmp_path: Path) -> None:
    for recipe, more in (("words", LENDER), ("fresh", 'vocabulary.from = "words"')):
        (tmp_path / f"{recipe}.toml").write_text(TEXT.format(name=recipe, more=more))
    command = ["preprocess", *(str(tmp_path / f"{n}.toml") for n in ("fresh", "words"))]
    command += ["--raw", str(raw), "--out", str(tmp_path / "out")]
    for _ in range(2):
        result = CliRunner().invoke(main, command)
        assert result.exit_code == 0, result.output
    assert ids_of(tmp_path / "out/fresh") == IDS
