"""What the tests of borrow vocab share."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from shardmill.pipeline.builds.build_artifacts import BuildOptions, build_artifacts
from shardmill.pipeline.builds.find_sources import Sources
from shardmill.pipeline.builds.outcome import Outcome
from shardmill.recipe.any_recipe import AnyRecipe
from shardmill.recipe.load_recipe import parse_recipe
from shardmill.recipe.text_recipe import TextRecipe

TEXT = """
name = "{name}"
kind = "text"
csv.header = false
text.columns = ["class", "body"]
text.join = ["body"]
text.clean = ["lowercase"]
target = {{ column = "class", classes = ["x", "y"] }}
splits.train.csv.path = "{name}.csv"
{more}
"""


LENDER = 'vocabulary = { specials = ["[P]", "[U]"], unknown = "[U]", padding = "[P]" }'


LENT = ["b a", "B a,", "c b"]  # [P] [U] b a , c


ROWS = ["a B", "zebra", "", "c c b [P]"]


def recipe_of(name: str, more: str) -> TextRecipe:
    recipe = parse_recipe(TEXT.format(name=name, more=more), where=name)
    assert isinstance(recipe, TextRecipe)
    return recipe


def lender(more: str = LENDER) -> TextRecipe:
    return recipe_of("words", more)


def borrower(more: str = "", *, name: str = "fresh", of: str = "words") -> TextRecipe:
    return recipe_of(name, f'vocabulary.from = "{of}"\n{more}')


def write_rows(raw: Path, name: str, texts: Sequence[str]) -> None:
    raw.mkdir(exist_ok=True)
    rows = [f'{"xy"[n % 2]},"{text}"\n' for n, text in enumerate(texts)]
    (raw / f"{name}.csv").write_text("".join(rows))


def build(raw: Path, out: Path, *recipes: AnyRecipe, **options: Any) -> list[Outcome]:
    return build_artifacts(Sources(recipes, raw), BuildOptions(out=out, **options))
