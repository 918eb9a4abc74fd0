"""A dataset of premises and hypotheses."""

import random
from pathlib import Path

import pyarrow as pa
from building import build

from shardmill.recipe.load_recipe import parse_recipe

PAIRS = """
name = "pairs"
kind = "text"
[text]
columns = ["id", "premise", "topic", "hypothesis", "verdict"]
clean = ["lowercase"]
tokenizer = "whitespace"
[groups]
premise = ["topic", "premise"]
hypothesis = ["hypothesis"]
[vocabulary]
order = "first_seen"
[target]
column = "verdict"
classes = ["other", "follows"]
[splits.train.csv]
path = "pairs.csv"
[splits.validation]
hold_out = { split = "train", fraction = 0.2 }
"""
TWO_TEXTS = """
name = "two"
kind = "text"
text = { columns = ["a", "b", "y"], tokenizer = "whitespace" }
groups = { one = ["a"], two = ["b"] }
target = { column = "y", classes = ["0", "1"] }
splits.train.csv.path = "two.csv"
"""
_WORDS = [f"w{n}" for n in range(60)] + ["Été", "it's"]


def build_two_texts(folder: Path) -> Path:
    """Build two rows: `one` has 2 and 1 tokens, `two` has 1 and 3."""
    (folder / "two.csv").write_text("a,b,y\nw v,u,1\nv,w w w,0\n")
    return build(parse_recipe(TWO_TEXTS, where="two"), folder, folder / "out")


def pair_rows(rows: int, seed: int = 0) -> pa.Table:
    """Rows in which a hypothesis follows if its words are in the premise; some texts are empty."""
    draw = random.Random(seed)
    found = []
    for row in range(rows):
        premise = draw.choices(_WORDS, k=draw.randint(0, 9))
        follows = row % 2 == 1 and bool(premise)
        hypothesis = premise[:3] if follows else draw.choices(_WORDS, k=draw.randint(0, 4))
        verdict = "follows" if follows else "other"
        found.append((f"r{row}", " ".join(premise), "T", " ".join(hypothesis), verdict))
    names = ("id", "premise", "topic", "hypothesis", "verdict")
    columns = zip(*found, strict=True)
    return pa.table({n: pa.array(c, pa.string()) for n, c in zip(names, columns, strict=True)})


def words_of(table: pa.Table) -> tuple[list[list[str]], list[list[str]]]:
    """The tokens of each premise and of each hypothesis, as the recipe cuts them."""
    premises = [f"{t} {p}" for t, p in zip(*_columns(table, "topic", "premise"), strict=True)]
    (hypotheses,) = _columns(table, "hypothesis")
    return (
        [text.lower().split() for text in premises],
        [text.lower().split() for text in hypotheses],
    )


def _columns(table: pa.Table, *names: str) -> tuple[list[str], ...]:
    return tuple(table.column(name).to_pylist() for name in names)


def write_lines(table: pa.Table, path: Path) -> Path:
    """Write rows as a CSV file, in which nothing needs quotes."""
    rows = [",".join(row.values()) for row in table.to_pylist()]
    path.write_text("\n".join([",".join(table.column_names), *rows]) + "\n", encoding="utf-8")
    return path
