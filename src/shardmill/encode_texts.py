"""Encodes texts with a tokenizer.json, by the library Hugging Face `tokenizers`."""

import os
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa

from shardmill.errors import MissingLibraryError
from shardmill.kinds.row import Ragged


def encode_texts(content: str, texts: pa.Array, *, special_tokens: bool) -> Ragged:
    """Return the ids of `texts` [n] by a tokenizer.json, int32.

    The library encodes them in threads of its own.

    Args:
        content: of the file; its truncation and padding are left out.
        texts: string, no nulls.
        special_tokens: add those of its post-processor, such as [CLS] and [SEP].
    """
    encodings = _tokenizer(content).encode_batch_fast(
        texts.to_pylist(), add_special_tokens=special_tokens
    )
    ids = [encoding.ids for encoding in encodings]
    sizes = np.fromiter(map(len, ids), np.int32, len(ids))
    values = np.fromiter((i for row in ids for i in row), np.int32, int(sizes.sum()))
    return Ragged(values, sizes)


@lru_cache(maxsize=1)
def _tokenizer(content: str) -> Any:
    try:
        from tokenizers import Tokenizer
    except ImportError:
        raise MissingLibraryError(
            "text.tokenizer_file",
            expected="the library tokenizers",
            found="none",
            fix="pip install 'shardmill[tokenizers]'",
        ) from None
    # Said aloud, or the library warns of processes that were forked before it was used.
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    tokenizer = Tokenizer.from_str(content)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer
