"""Turns texts into the ids of their tokens."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from shardmill.format.arrow_arrays import Array, arrow_array, numpy_array, string_array
from shardmill.format.layout import Field
from shardmill.format.ragged import Ragged
from shardmill.kinds.read_targets import (
    column_labels,
    label_column as label_column,
    target_columns as target_columns,
    targets as targets,
)
from shardmill.kinds.row import Cleaned, Fitted, RowFault, unknown_id_of, without_faulty
from shardmill.kinds.text_columns import given_row_texts, parted, raw_texts, row_by_row
from shardmill.kinds.train_rows import Prepared, TrainRows
from shardmill.raw.row_source import SourceColumns
from shardmill.recipe.text_recipe import TextRecipe
from shardmill.recipe.text_rules import Vocabulary
from shardmill.text.clean_text import clean_texts
from shardmill.text.encode_texts import encode_texts
from shardmill.text.learn_tokenizer import learn_tokenizer
from shardmill.text.merge_counts import first_counts, merge_counts
from shardmill.text.tokenize_text import Tokens, tokenize_texts
from shardmill.text.tokenizer_file import read_tokenizer
from shardmill.text.vocab import Vocab

# A tokenizer is learnt from the first rows whose distinct words have more than so many bytes, which
# are some gigabytes of English. The library takes about a hundred times as much memory for them.
_LEARN_BYTES = 2**24


def clean(recipe: TextRecipe, raw: pa.Table, *, labelled: bool) -> Cleaned:
    """Return columns `text`, joined and cleaned, and, if labelled, `label` [n].

    If a row has several texts, each has a column of its own. A label that is no class, or no
    number, is a fault.
    """
    faults: list[RowFault] = []
    columns = _cleaned(recipe, raw_texts(recipe, raw))
    if recipe.target is not None and labelled:
        columns["label"], faults = column_labels(recipe.target, raw, recipe.number_format())
    return without_faulty(pa.table(columns), faults)


def _cleaned(recipe: TextRecipe, texts: Mapping[str, pa.Array]) -> dict[str, pa.Array]:
    return {name: clean_texts(text, recipe.text.clean) for name, text in texts.items()}


def needs_lookups(recipe: TextRecipe) -> bool:  # noqa: ARG001
    """Return that tokens are looked up."""
    return True


def plain_columns(recipe: TextRecipe) -> tuple[str, ...]:
    """Return the columns of texts, which hardly ever repeat."""
    return tuple(recipe.texts())


def source_columns(recipe: TextRecipe) -> SourceColumns:
    """Return all columns of the CSV files, the ones that make up texts, and the target's."""
    targets = () if recipe.target is None else recipe.target.raw_columns()
    return SourceColumns(recipe.text.columns, recipe.text_columns(), targets)


def clean_given(recipe: TextRecipe, fitted: Fitted, rows: Any) -> Cleaned:  # noqa: ARG001
    """Return the cleaned texts of a list, a DataFrame or an Arrow table; see `given_row_texts`.

    Raises:
        ColumnsError: A column is missing, or is there twice.
        GivenRowError: A cell is no text, or the rows are something else.
    """
    return Cleaned(pa.table(_cleaned(recipe, given_row_texts(recipe, rows))))


def prepare(
    recipe: TextRecipe,
    cleaned: pa.Table,
    before: None = None,  # noqa: ARG001
) -> Prepared[None]:
    """Return cleaned rows [n] encoded without a vocabulary, and the tokens that occur in them.

    Returns:
        The rows with codes, list<int32>, in place of texts. A code is the position of its token in
        the table of tokens. If the library encodes the texts, the rows are returned unchanged. Then
        the table has the words that a tokenizer is learnt from, or is None if the tokenizer is
        there already.
    """
    names = tuple(recipe.texts())
    texts = row_by_row(cleaned, names)
    if not recipe.text.has_words:
        is_learnt = recipe.text.tokenizer_file is None and recipe.vocabulary.from_artifact is None
        words = _counts(tokenize_texts(texts, "whitespace")) if is_learnt else None
        return Prepared(cleaned, None, words)
    tokens = tokenize_texts(texts, recipe.text.tokenizer)
    prepared = cleaned
    for name, codes in parted(tokens.codes, tokens.sizes, names).items():
        place = cleaned.column_names.index(name)
        prepared = prepared.set_column(place, name, _lists(codes))
    return Prepared(prepared, None, _counts(tokens))


def _lists(codes: Ragged) -> pa.Array:
    offsets = np.concatenate([np.zeros(1, np.int32), np.cumsum(codes.sizes, dtype=np.int32)])
    return pa.ListArray.from_arrays(arrow_array(offsets), arrow_array(codes.values))


def _counts(tokens: Tokens) -> pa.Table:
    counts = np.bincount(tokens.codes, minlength=len(tokens.tokens))
    return pa.table({"token": tokens.tokens, "count": arrow_array(counts)})


def merge(recipe: TextRecipe, summaries: Iterable[None]) -> None:
    """Return nothing, since all that is learnt from is tokens."""


def fit(recipe: TextRecipe, train: TrainRows[None]) -> Fitted:
    """Return the vocabulary of the train rows, from the token counts of `prepare` in their order.

    Raises:
        ValueError: The recipe takes its vocabulary from elsewhere.
        MissingLibraryError: The library that learns a tokenizer is not installed.
    """
    if recipe.text.tokenizer_file is not None or recipe.vocabulary.from_artifact is not None:
        raise ValueError("the vocabulary of this recipe is not for the train rows to say")
    rules, content = recipe.vocabulary, None
    if recipe.text.has_words:
        vocab = build_vocab(merge_counts(train.tokens), rules)
    else:
        content = learn_tokenizer(recipe, first_counts(train.tokens, _LEARN_BYTES))
        vocab = read_tokenizer(content.encode(), where=f"the tokenizer of {recipe.name}").vocab
    return fitted_with(recipe, vocab, rules.unknown, rules.padding, content)


def fitted_with(
    recipe: TextRecipe,
    vocab: Vocab,
    unknown: str | None,
    padding: str | None,
    tokenizer: str | None = None,
) -> Fitted:
    """Return what is known of texts once there is a vocabulary, wherever that comes from."""
    unknown_id = unknown_id_of(vocab, unknown)
    groups = tuple(recipe.groups) or (None,)
    return Fitted(
        inputs=tuple(Field.input("int32", ragged=True, group=group) for group in groups),
        features=tuple(recipe.texts()),
        statistics={},
        vocab=vocab,
        unknown=unknown,
        padding=padding,
        tokenizer=tokenizer,
        unknown_id=unknown_id,
        unicode=recipe.unicode_version(),
    )


def build_vocab(counts: pa.Table, options: Vocabulary) -> Vocab:
    """Return the vocabulary for tokens that were counted in order of first appearance.

    It is what torchtext's `build_vocab_from_iterator` returns: the specials come first,
    `max_tokens` keeps the most frequent tokens and counts the specials, and a special that also
    occurs in the texts stays among the specials.

    Args:
        counts: A table with the columns `token` and `count`. Each token occurs once.
        options: Which tokens to keep, and in what order.
    """
    frequent = numpy_array(counts.column("count")) >= options.min_freq
    counts = counts.filter(arrow_array(frequent))
    keys = [("count", "descending"), ("token", "ascending")]
    rows = pc.sort_indices(counts, sort_keys=keys)
    if options.max_tokens is not None:
        rows = rows[: options.max_tokens - len(options.specials)]
    if options.order == "first_seen":
        rows = rows.take(pc.array_sort_indices(rows))
    counts = counts.take(rows)
    specials = string_array(options.specials)
    tokens = counts.column("token")
    tokens = tokens.filter(pc.invert(pc.is_in(tokens, value_set=specials)))
    vocab = Vocab([*options.specials, *tokens.to_pylist()])
    vocab.set_default_index(vocab[options.unknown])
    return vocab


def encode_prepared(
    recipe: TextRecipe, fitted: Fitted, prepared: pa.Table, lookup: npt.NDArray[np.int32] | None
) -> dict[str, Ragged]:
    """Return the input fields of prepared rows: ids, int32.

    `lookup` has the ids [distinct tokens] of the tokens that the rows came with.
    """
    return {
        field.name: _ids(recipe, fitted, prepared.column(name).combine_chunks(), lookup)
        for field, name in zip(fitted.inputs, recipe.texts(), strict=True)
    }


def _ids(
    recipe: TextRecipe, fitted: Fitted, prepared: pa.Array, lookup: npt.NDArray[np.int32] | None
) -> Ragged:
    if fitted.tokenizer is not None:
        own = recipe.text.tokenizer_file
        if own is None:
            return encode_texts(fitted.tokenizer, prepared, normalize=False)
        return encode_texts(fitted.tokenizer, prepared, special_tokens=own.special_tokens)
    assert lookup is not None  # noqa: S101  there are words
    sizes = numpy_array(pc.list_value_length(prepared))
    return Ragged(lookup[numpy_array(prepared.flatten())], sizes)


def unknown(
    recipe: TextRecipe,
    fitted: Fitted,
    prepared: pa.Table,  # noqa: ARG001
    encoded: Mapping[str, Array | Ragged],
) -> dict[str, int]:
    """Return how many tokens of each text the vocabulary lacks."""
    if fitted.unknown_id is None:
        return {}
    ids = [encoded[field.name] for field in fitted.inputs]
    return {
        name: int(np.count_nonzero(x.values == fitted.unknown_id))
        for name, x in zip(recipe.texts(), ids, strict=True)
        if isinstance(x, Ragged)
    }


def encode(recipe: TextRecipe, fitted: Fitted, cleaned: pa.Table) -> dict[str, Ragged]:
    """Return the input fields of cleaned rows."""
    if not recipe.text.has_words:
        return encode_prepared(recipe, fitted, cleaned, None)
    prepared, lookup = prepare(recipe, cleaned), None
    if prepared.tokens is not None and fitted.vocab is not None:
        lookup = np.array(fitted.vocab(prepared.tokens.column("token").to_pylist()), np.int32)
    return encode_prepared(recipe, fitted, prepared.rows, lookup)
