"""Reads the vocabulary of an artifact.

vocab.txt has one token a line, whose number from zero is the token's. Without one, the tokens stand
in tokenizer.json.
"""

from pathlib import Path
from typing import Protocol

from shardmill.format.manifest import FileRecord
from shardmill.format.read_checked import REBUILD, read_checked
from shardmill.text.tokenizer_file import read_tokenizer
from shardmill.text.vocab import Vocab


class VocabularyFiles(Protocol):
    """What the records of artifacts and of saved preprocessors say of a vocabulary."""

    @property
    def unknown(self) -> str | None:
        """The token for what has no number; None if there is none."""

    @property
    def vocab(self) -> FileRecord | None:
        """One token a line; None if the tokens stand in the tokenizer alone."""

    @property
    def tokenizer(self) -> FileRecord | None:
        """The same for Hugging Face `tokenizers`."""


def vocab_bytes(vocab: Vocab) -> bytes:
    """Return the content of vocab.txt, UTF-8 with a newline after every token."""
    return "".join(f"{token}\n" for token in vocab.get_itos()).encode()


def load_vocab(artifact: Path, record: VocabularyFiles, *, fix: str = REBUILD) -> Vocab:
    """Return the vocabulary in a folder, with the unknown token as its default index.

    Args:
        artifact: the folder.
        record: which of its files it is.
        fix: what to do if that is damaged.

    Raises:
        DamagedFileError: its file is missing, or is not the one that was written.
    """
    if record.vocab is None:
        assert record.tokenizer is not None  # noqa: S101  one of the two is there
        content = read_checked(artifact, record.tokenizer, fix=fix)
        return read_tokenizer(content, where=artifact / record.tokenizer.path).vocab
    # Split at newlines alone: str.splitlines() knows more line ends than a token may hold.
    vocab = Vocab(read_checked(artifact, record.vocab, fix=fix).decode().split("\n")[:-1])
    if record.unknown is not None:
        vocab.set_default_index(vocab[record.unknown])
    return vocab
