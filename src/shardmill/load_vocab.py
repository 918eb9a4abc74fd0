"""Reads the vocabulary of an artifact.

vocab.txt has one token a line, whose number from zero is the token's. Without one, the tokens stand
in tokenizer.json.
"""

from pathlib import Path

import xxhash

from shardmill.errors import DamagedFileError
from shardmill.manifest import FileRecord, VocabularyRecord
from shardmill.tokenizer_file import read_tokenizer
from shardmill.vocab import Vocab


def vocab_bytes(vocab: Vocab) -> bytes:
    """Return the content of vocab.txt, UTF-8 with a newline after every token."""
    return "".join(f"{token}\n" for token in vocab.get_itos()).encode()


def load_vocab(artifact: Path, record: VocabularyRecord) -> Vocab:
    """Return the vocabulary of an artifact, with the unknown token as its default index.

    Raises:
        DamagedFileError: its file is missing, or is not the one that was written.
    """
    if record.vocab is None:
        content = read_checked(artifact, record.tokenizer)
        return read_tokenizer(content, where=artifact / record.tokenizer.path).vocab
    # Split at newlines alone: str.splitlines() knows more line ends than a token may hold.
    vocab = Vocab(read_checked(artifact, record.vocab).decode().split("\n")[:-1])
    if record.unknown is not None:
        vocab.set_default_index(vocab[record.unknown])
    return vocab


def read_checked(artifact: Path, record: FileRecord) -> bytes:
    """Return the content of a small file of an artifact.

    Raises:
        DamagedFileError: it is missing, or is not the one that was written.
    """
    path = artifact / record.path
    content = path.read_bytes() if path.is_file() else b""
    found = xxhash.xxh3_128_hexdigest(content)
    if found != record.xxh3_128:
        raise DamagedFileError(
            path,
            expected=f"{record.bytes:,} bytes with xxh3_128 {record.xxh3_128}",
            found=f"{len(content):,} bytes with {found}",
            fix="build the artifact again with `shardmill preprocess --force`",
        )
    return content
