"""Reads vocab.txt: one token a line, the line's number from zero is the token's."""

from pathlib import Path

import xxhash

from shardmill.errors import DamagedFileError
from shardmill.manifest import VocabularyRecord
from shardmill.vocab import Vocab


def vocab_bytes(vocab: Vocab) -> bytes:
    """Return the content of vocab.txt, UTF-8 with a newline after every token."""
    return "".join(f"{token}\n" for token in vocab.get_itos()).encode()


def load_vocab(artifact: Path, record: VocabularyRecord) -> Vocab:
    """Return the vocabulary of an artifact, with the unknown token as its default index.

    Raises:
        DamagedFileError: vocab.txt is missing, or is not the one that was written.
    """
    path = artifact / record.vocab.path
    content = path.read_bytes() if path.is_file() else b""
    # Split at newlines alone: str.splitlines() knows more line ends than a token may hold.
    found = xxhash.xxh3_128_hexdigest(content)
    if found != record.vocab.xxh3_128:
        raise DamagedFileError(
            path,
            expected=f"{record.vocab.bytes:,} bytes with xxh3_128 {record.vocab.xxh3_128}",
            found=f"{len(content):,} bytes with {found}",
            fix="build the artifact again with `shardmill preprocess --force`",
        )
    vocab = Vocab(content.decode().split("\n")[:-1])
    vocab.set_default_index(vocab[record.unknown])
    return vocab
