"""Encodes texts with a tokenizer.json, using the library Hugging Face `tokenizers`."""

from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa

from shardmill.errors import TokenizerFileError
from shardmill.format.ragged import Ragged
from shardmill.optional_library import optional_library

# The results of the library take 100 to 200 bytes a token, so few texts are encoded at a time. So
# many are enough to keep its threads busy.
_TEXTS = 2048


def encode_texts(
    content: str, texts: pa.Array, *, special_tokens: bool = False, normalize: bool = True
) -> Ragged:
    """Return the ids of `texts` [n] by a tokenizer.json, int32.

    The library encodes them in threads of its own.

    Args:
        content: The content of the file. Its truncation and padding are ignored.
        texts: The texts as a string array without nulls.
        special_tokens: Whether to add the tokens of its post-processor, such as [CLS] and [SEP].
        normalize: Whether to use its normalizer. In a file that shardmill has written, that is the
            cleaning, which must not be done twice.

    Raises:
        MissingLibraryError: The library is not installed.
        TokenizerFileError: The library cannot read the file, or not encode a text with it.
    """
    tokenizer = _readable(content, normalize, where="tokenizer.json")
    ids, sizes = array("i"), np.zeros(len(texts), np.int32)
    for start in range(0, len(texts), _TEXTS):
        some = texts[start : start + _TEXTS].to_pylist()
        for row, encoding in enumerate(_encode(tokenizer, some, special_tokens), start):
            # The library returns ids only as lists. Appending a list takes a third of the time of a
            # generator over all ids.
            ids.fromlist(encoding.ids)
            sizes[row] = len(encoding)
    return Ragged(np.frombuffer(ids, np.int32), sizes)


def _encode(tokenizer: Any, texts: list[str], special_tokens: bool) -> Any:
    fix = "give it an unknown token that is in its vocabulary"
    with _reworded("tokenizer.json", "one that encodes every text", fix):
        return tokenizer.encode_batch_fast(texts, add_special_tokens=special_tokens)


def check_tokenizer(content: str, *, where: object) -> None:
    """Check that the library can read a tokenizer.json.

    Args:
        content: The content of the file.
        where: The name of the file, for errors.

    Raises:
        MissingLibraryError: The library is not installed.
        TokenizerFileError: The library cannot read the file.
    """
    _readable(content, normalize=True, where=where)


def _readable(content: str, normalize: bool, *, where: object) -> Any:
    tokenizers_library("text.tokenizer_file" if normalize else "text.tokenizer")
    expected = "a tokenizer.json that the installed library tokenizers reads"
    with _reworded(where, expected, "save it with Tokenizer.save(), or upgrade the library"):
        return _tokenizer(content, normalize)


@contextmanager
def _reworded(where: object, expected: str, fix: str) -> Iterator[None]:
    # The library raises no narrower classes, and where it panics, one that is no Exception.
    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        found = f"its error: {error}"
        raise TokenizerFileError(where, expected=expected, found=found, fix=fix) from None


def tokenizers_library(key: str) -> Any:
    """Return the module `tokenizers`.

    Args:
        key: The key of the recipe that needs it, for the error.

    Raises:
        MissingLibraryError: The library is not installed.
    """
    return optional_library("tokenizers", where=key, extra="tokenizers")


@lru_cache(maxsize=4)
def _tokenizer(content: str, normalize: bool) -> Any:
    # A large tokenizer takes a second to read, and each shard and each prediction needs it, so the
    # last few are kept.
    tokenizer = tokenizers_library("text.tokenizer_file").Tokenizer.from_str(content)
    if not normalize:
        tokenizer.normalizer = None
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer
