"""Two texts of a row as one: what stands where, and what is cut."""

import pytest
import torch
from hypothesis import given, strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from shardmill import Padded, join_pair
from shardmill.format.batch import pad

START, END, PAD = 1, 2, 0
Texts = list[list[int]]


def padded(texts: Texts) -> Padded:
    lengths = torch.tensor([len(text) for text in texts], dtype=torch.int64)
    ids = torch.tensor([i for text in texts for i in text], dtype=torch.int32)
    return pad(ids, lengths, PAD)


def library(max_tokens: int | None, start: bool) -> Tokenizer:
    """A tokenizer of the library whose words are their ids."""
    vocab = {str(n): n for n in range(100)}
    tokenizer = Tokenizer(models.WordLevel(vocab, unk_token="0"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    first = f"{START}:0 " if start else ""
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{first}$A:0 {END}:0",
        pair=f"{first}$A:0 {END}:0 $B:1 {END}:1",
        special_tokens=[(str(START), START), (str(END), END)],
    )
    if max_tokens is not None:
        tokenizer.enable_truncation(max_tokens, strategy="longest_first")
    return tokenizer


texts = st.lists(st.integers(3, 99), max_size=9)


@given(
    st.lists(st.tuples(texts, texts), max_size=6),
    st.none() | st.integers(3, 20),
    st.booleans(),
)
def test_pairs_are_those_of_the_library(
    rows: list[tuple[list[int], list[int]]], max_tokens: int | None, start: bool
) -> None:
    tokenizer = library(max_tokens, start)
    joined = join_pair(
        padded([a for a, _ in rows]),
        padded([b for _, b in rows]),
        start=START if start else None,
        end=END,
        padding_id=PAD,
        max_tokens=max_tokens,
    )
    assert joined.ids.dtype == joined.types.dtype == torch.int32
    assert joined.lengths.dtype == torch.int64
    longest = max(joined.lengths.tolist(), default=0)
    assert joined.ids.shape == joined.types.shape == (len(rows), longest)
    for at, (a, b) in enumerate(rows):
        expected = tokenizer.encode(" ".join(map(str, a)), " ".join(map(str, b)))
        rest = [0] * (longest - len(expected.ids))
        assert joined.ids[at].tolist() == expected.ids + rest
        assert joined.types[at].tolist() == expected.type_ids + rest
        assert int(joined.lengths[at]) == len(expected.ids)


def test_what_cannot_be_joined() -> None:
    one, two = padded([[5]]), padded([[5], [6]])
    with pytest.raises(ValueError, match="1 first texts and 2 second ones"):
        join_pair(one, two, start=START, end=END, padding_id=PAD)
    with pytest.raises(ValueError, match="max_tokens must be at least 3, not 2"):
        join_pair(one, one, start=START, end=END, padding_id=PAD, max_tokens=2)
    assert join_pair(one, one, start=None, end=END, padding_id=PAD, max_tokens=2).ids.tolist() == [
        [END, END]
    ]
