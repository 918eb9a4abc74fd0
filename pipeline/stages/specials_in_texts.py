"""Finds words of texts that are spelt like special tokens, whose ids they get."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow.compute as pc

from shardmill.format.arrow_arrays import string_array
from shardmill.kinds.row import Fitted
from shardmill.pipeline.stages.prepared_rows import token_tables
from shardmill.recipe.any_recipe import AnyRecipe, text_part


def specials_in_texts(
    recipe: AnyRecipe, fitted: Fitted, token_files: Mapping[str, Sequence[Path]]
) -> Iterator[str]:
    """Yield a line for each split whose texts have words that are spelt like special tokens.

    torchtext gives such words the ids of the special tokens, and so does shardmill. Where the
    library `tokenizers` encodes the texts, it has its own rule.
    """
    part = text_part(recipe)
    if part is None or not part.text.has_words:
        return
    specials = part.vocabulary.specials
    if part.vocabulary.from_artifact is not None:
        specials = tuple(token for token in (fitted.unknown, fitted.padding) if token is not None)
    known = string_array(specials)
    for split, files in token_files.items():
        found: Counter[str] = Counter()
        for counts in token_tables(files):
            special = counts.filter(pc.is_in(counts.column("token"), value_set=known))
            for token, count in zip(*special.to_pydict().values(), strict=True):
                found[token] += count
        if found:
            words = ", ".join(f"{token} ({count:,})" for token, count in sorted(found.items()))
            yield f"texts of {split} have words that get the ids of special tokens: {words}"
