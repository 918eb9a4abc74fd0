"""What the tests of tokenizer file share."""

import csv
from pathlib import Path
from typing import Any

from own_tokenizers import toy_texts
from tokenizers import Tokenizer

from shardmill.pipeline.builds.build_artifacts import BuildOptions, build_artifacts
from shardmill.pipeline.builds.find_sources import Sources
from shardmill.pipeline.builds.outcome import Outcome
from shardmill.recipe.any_recipe import AnyRecipe
from shardmill.recipe.load_recipe import parse_recipe

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
