"""Reads vocab.txt: one token a line, the line's number from zero is the token's."""

from pathlib import Path

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
    tokens = content.decode("utf-8", errors="replace").split("\n")[:-1]
    if len(content) != record.vocab.bytes or len(tokens) != record.tokens:
        raise DamagedFileError(
            path,
            expected=f"{record.tokens:,} tokens in {record.vocab.bytes:,} bytes",
            found=f"{len(tokens):,} tokens in {len(content):,} bytes",
            fix="build the artifact again with `shardmill preprocess --force`",
        )
    vocab = Vocab(tokens)
    vocab.set_default_index(vocab[record.unknown])
    return vocab
