"""A table of wines, which has texts beside numbers and categories."""

import random
from pathlib import Path

WINES = """
name = "wines"
kind = "tabular"
[columns]
id = { dtype = "int64", drop = true }
country = { dtype = "str", categories = "learn", missing = "keep" }
notes = { dtype = "text" }
price = { dtype = "float64", missing = "median", scale = "standardise" }
label = { dtype = "text" }
verdict = { dtype = "str" }
[text]
clean = ["lowercase"]
tokenizer = "whitespace"
[vocabulary]
order = "first_seen"
[target]
column = "verdict"
classes = ["bad", "good"]
[splits.train.csv]
path = "wines.csv"
[splits.test]
hold_out = { split = "train", fraction = 0.2 }
"""
GROUPS = """
[groups]
places = ["country"]
numbers = ["price"]
[target]"""
NAMES = ("id", "country", "notes", "price", "label", "verdict")
_WORDS = [f"w{n}" for n in range(40)] + ["Été"]


def wine_rows(rows: int, seed: int = 0) -> list[dict[str, str]]:
    """Rows of which some have empty cells; the verdict depends on a word of the notes."""
    draw = random.Random(seed)
    found = []
    for row in range(rows):
        notes = draw.choices(_WORDS, k=draw.randint(0, 8))
        country = draw.choice(["Italy", "France", "US", ""])
        price = draw.choice(["", str(draw.randint(4, 90))])
        label = " ".join(draw.choices(_WORDS, k=draw.randint(0, 2)))
        verdict = "good" if "w1" in notes or row % 5 == 0 else "bad"
        cells = (str(row), country, " ".join(notes), price, label, verdict)
        found.append(dict(zip(NAMES, cells, strict=True)))
    return found


def write_wines(rows: list[dict[str, str]], path: Path) -> None:
    """Write rows as a CSV file, in which nothing needs quotes."""
    lines = [",".join(NAMES), *(",".join(row.values()) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
