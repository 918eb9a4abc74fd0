"""Encodes texts with a tokenizer.json, by the library Hugging Face `tokenizers`."""

from array import array
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa

from shardmill.errors import MissingLibraryError, TokenizerFileError
from shardmill.format.ragged import Ragged

# The library's results take 100 to 200 bytes a token, so that few texts are encoded at a time;
# its threads have enough to do with as many.
_TEXTS = 2048


def encode_texts(content: str, texts: pa.Array, *, special_tokens: bool) -> Ragged:
    """Return the ids of `texts` [n] by a tokenizer.json, int32.

    The library encodes them in threads of its own.

    Args:
        content: of the file; its truncation and padding are left out.
        texts: string, no nulls.
        special_tokens: add those of its post-processor, such as [CLS] and [SEP].

    Raises:
        MissingLibraryError: the library is not installed.
    """
    tokenizer = _tokenizer(content)
    ids, sizes = array("i"), np.zeros(len(texts), np.int32)
    for start in range(0, len(texts), _TEXTS):
        encodings = tokenizer.encode_batch_fast(
            texts[start : start + _TEXTS].to_pylist(), add_special_tokens=special_tokens
        )
        for row, encoding in enumerate(encodings, start):
            # The library gives ids away as lists alone. That is a third of the time of a generator
            # over all of them.
            ids.fromlist(encoding.ids)
            sizes[row] = len(encoding)
    return Ragged(np.frombuffer(ids, np.int32), sizes)


def check_tokenizer(content: str, *, where: object) -> None:
    """Have the library read a tokenizer.json.

    Args:
        content: of the file.
        where: its name, for errors.

    Raises:
        MissingLibraryError: the library is not installed.
        TokenizerFileError: it cannot read the file.
    """
    _library()
    try:
        _tokenizer(content)
    except Exception as error:  # the library raises no other
        raise TokenizerFileError(
            where,
            expected="a tokenizer.json that the installed library tokenizers reads",
            found=f"one that it does not: {error}",
            fix="save it with Tokenizer.save(), or upgrade the library",
        ) from None


def _library() -> Any:
    try:
        from tokenizers import Tokenizer
    except ImportError:
        raise MissingLibraryError(
            "text.tokenizer_file",
            expected="the library tokenizers",
            found="none",
            fix="pip install 'shardmill[tokenizers]'",
        ) from None
    return Tokenizer


@lru_cache(maxsize=4)
def _tokenizer(content: str) -> Any:
    # Kept, as a large one takes a second to read, and each shard and each prediction asks for it.
    tokenizer = _library().from_str(content)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer
