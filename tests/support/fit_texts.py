"""What shardmill makes of texts that are at hand as strings."""

from collections.abc import Sequence

import pyarrow as pa
from fit_rows import fit_preprocessor

from shardmill.recipe.load_recipe import load_recipe
from shardmill.recipe.text_recipe import TextRecipe
from shardmill.recipe.text_rules import Vocabulary
from shardmill.text.vocab import Vocab


def our_vocab(texts: Sequence[str], tokenizer: str, options: Vocabulary) -> Vocab:
    """Return the vocabulary that is fitted to `texts`, which come in two batches."""
    recipe = load_recipe("ag_news")
    assert isinstance(recipe, TextRecipe)
    text = recipe.text.model_copy(update={"tokenizer": tokenizer})
    recipe = recipe.model_copy(update={"text": text, "vocabulary": options})
    half = len(texts) // 2
    batches = [pa.table({"text": pa.array(t, pa.string())}) for t in (texts[:half], texts[half:])]
    vocab = fit_preprocessor(recipe, iter(batches)).fitted.vocab
    assert vocab is not None
    return vocab
