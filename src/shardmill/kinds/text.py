"""Texts to the numbers of their tokens."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shardmill.kinds.row import (
    TARGET,
    Array,
    Cleaned,
    Fitted,
    Ragged,
    RowFault,
    class_indices,
    without_faulty,
)
from shardmill.layout import Field
from shardmill.text_recipe import TextRecipe, Vocabulary
from shardmill.tokenize_text import clean_texts, tokenize_texts
from shardmill.vocab import Vocab

# Counts of tokens are merged when this many have come together, which bounds the memory.
_MERGE_TOKENS = 4_000_000


def clean(recipe: TextRecipe, raw: pa.Table, *, labelled: bool) -> Cleaned:
    """Return columns `text`, joined and cleaned, and, if labelled, `label` [n] int64.

    A label outside the classes is a fault.
    """
    parts = [raw.column(name).combine_chunks() for name in recipe.text.join]
    joined = parts[0] if len(parts) == 1 else pc.binary_join_element_wise(*parts, " ")
    faults: list[RowFault] = []
    columns = {"text": clean_texts(joined, recipe.text.clean)}
    if recipe.target is not None and labelled:
        target = recipe.target.column
        columns["label"], faults = class_indices(raw.column(target), recipe.target, target)
    return without_faulty(pa.table(columns), faults)


def fit(recipe: TextRecipe, train: Iterator[pa.Table]) -> Fitted:
    """Return the vocabulary of the cleaned train rows."""
    counts = _count(pa.array([], pa.string()))
    for table in train:
        tokens = tokenize_texts(table.column("text").combine_chunks(), recipe.text.tokenizer)
        counts = pa.concat_tables([counts, _count(tokens.flatten())])
        if len(counts) > _MERGE_TOKENS:
            counts = _merge(counts)
    vocab = build_vocab(_merge(counts), recipe.vocabulary)
    return Fitted((Field("x", "int32", ragged=True),), ("text",), {}, vocab)


def _count(tokens: pa.Array, weights: Array | None = None) -> pa.Table:
    """Return each token once, in order of first appearance, and how often it stands there."""
    encoded = tokens.dictionary_encode()  # Arrow numbers the values as they come
    total = np.bincount(encoded.indices, weights, minlength=len(encoded.dictionary))
    return pa.table({"token": encoded.dictionary, "count": pa.array(total.astype(np.int64))})


def _merge(counts: pa.Table) -> pa.Table:
    return _count(counts.column("token").combine_chunks(), np.asarray(counts.column("count")))


def build_vocab(counts: pa.Table, options: Vocabulary) -> Vocab:
    """Return the vocabulary for tokens counted in order of first appearance.

    As torchtext's `build_vocab_from_iterator` does it: specials first; `max_tokens` keeps the most
    frequent and counts the specials; a special that the text holds too stays among the specials.

    Args:
        counts: columns `token` and `count`, each token once.
        options: which tokens to keep and in what order.
    """
    counts = counts.filter(pc.greater_equal(counts.column("count"), options.min_freq))
    keys = [("count", "descending"), ("token", "ascending")]
    rows = pc.sort_indices(counts, sort_keys=keys)
    if options.max_tokens is not None:
        rows = rows[: options.max_tokens - len(options.specials)]
    if options.order == "first_seen":
        rows = rows.take(pc.array_sort_indices(rows))
    counts = counts.take(rows)
    specials = pa.array(options.specials, pa.string())
    tokens = counts.column("token")
    tokens = tokens.filter(pc.invert(pc.is_in(tokens, value_set=specials)))
    vocab = Vocab([*options.specials, *tokens.to_pylist()])
    vocab.set_default_index(vocab[options.unknown])
    return vocab


def encode(recipe: TextRecipe, fitted: Fitted, cleaned: pa.Table) -> Ragged:
    """Return the ids of each row's tokens, int32; unknown tokens get the default index."""
    assert fitted.vocab is not None  # noqa: S101  fit() made it
    texts = cleaned.column("text").combine_chunks()
    tokens = tokenize_texts(texts, recipe.text.tokenizer)
    known = pa.array(fitted.vocab.get_itos(), pa.string())
    ids = pc.index_in(tokens.flatten(), value_set=known)
    ids = ids.fill_null(fitted.vocab.get_default_index())
    sizes = pc.list_value_length(tokens)
    return Ragged(np.asarray(ids, np.int32), np.asarray(sizes, np.int32))


def draft(recipe: TextRecipe, cleaned: pa.Table) -> tuple[pa.Table, pa.Table]:  # noqa: ARG001
    """Return the rows as they are, also for their own summary."""
    return cleaned, cleaned


def finish(
    recipe: TextRecipe,
    fitted: Fitted,
    drafted: pa.Table,
    key: object = None,  # noqa: ARG001
) -> dict[str, Ragged]:
    """Return `x`; see `encode`."""
    return {"x": encode(recipe, fitted, drafted)}


def targets(recipe: TextRecipe) -> tuple[Field, ...]:
    """Return the field `y`, if there is a target."""
    return () if recipe.target is None else (TARGET,)


def target_columns(recipe: TextRecipe) -> tuple[str, ...]:
    """Return the column of cleaned rows that holds `y`, if there is a target."""
    return () if recipe.target is None else ("label",)
