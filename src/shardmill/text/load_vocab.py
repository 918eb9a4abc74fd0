"""Reads the vocabulary of an artifact.

vocab.txt has one token on each line, and the number of the line, from zero, is the id of the token.
Without vocab.txt, tokenizer.json holds the tokens.
"""

from pathlib import Path
from typing import Protocol

from shardmill.errors import ManifestError, ShardmillError
from shardmill.format.manifest import FileRecord, VocabularyRecord
from shardmill.format.read_checked import REBUILD, read_checked
from shardmill.text.tokenizer_config import config_fault
from shardmill.text.tokenizer_file import read_tokenizer
from shardmill.text.vocab import Vocab


class VocabularyFiles(Protocol):
    """The files of a vocabulary, as artifacts and saved preprocessors record them."""

    @property
    def unknown(self) -> str | None:
        """The token that stands for unknown tokens; None if there is none."""

    @property
    def vocab(self) -> FileRecord | None:
        """The file with one token on each line; None if only the tokenizer holds the tokens."""

    @property
    def tokenizer(self) -> FileRecord | None:
        """The file with the same tokens for Hugging Face `tokenizers`."""


def vocab_bytes(vocab: Vocab) -> bytes:
    """Return the content of vocab.txt, UTF-8 with a newline after every token."""
    return "".join(f"{token}\n" for token in vocab.get_itos()).encode()


def load_vocab(artifact: Path, record: VocabularyFiles, *, fix: str = REBUILD) -> Vocab:
    """Return the vocabulary in a folder, with the unknown token as its default index.

    Args:
        artifact: The folder.
        record: The record of its files.
        fix: What the user can do if a file is damaged.

    Raises:
        DamagedFileError: The file is missing, or is not the one that was written.
        ManifestError: The file holds no vocabulary, or not its unknown token.
    """
    if record.vocab is None:
        assert record.tokenizer is not None  # noqa: S101  one of the two is there
        content = read_checked(artifact, record.tokenizer, fix=fix)
        return read_tokenizer(content, where=artifact / record.tokenizer.path).vocab
    # Lines are split at newlines only, since a token may hold other characters that
    # str.splitlines() takes for ends of lines.
    content = read_checked(artifact, record.vocab, fix=fix)
    try:
        vocab = Vocab(content.decode().split("\n")[:-1])
    except ValueError as error:  # UnicodeDecodeError is one
        raise _no_vocabulary(artifact / record.vocab.path, str(error), fix) from None
    if record.unknown is not None:
        if record.unknown not in vocab:
            found = f"no token {record.unknown!r}, which stands for unknown ones"
            raise _no_vocabulary(artifact / record.vocab.path, found, fix)
        vocab.set_default_index(vocab[record.unknown])
    return vocab


def vocabulary_fault(artifact: Path, record: VocabularyRecord) -> str:
    """Return how the files of a vocabulary contradict each other or their record; or nothing."""
    try:
        vocab = load_vocab(artifact, record)
        content = read_checked(artifact, record.tokenizer)
        same = read_tokenizer(content, where=artifact / record.tokenizer.path).vocab
    except ShardmillError as error:
        return f"{error.found} in {error.where}"
    if len(vocab) != record.tokens:
        return f"{len(vocab):,} tokens where the manifest has {record.tokens:,}"
    if vocab != same:
        return f"other tokens than in {record.tokenizer.path}"
    if record.padding is not None and record.padding not in vocab:
        return f"no token {record.padding!r}, which fills up short texts"
    padding_id = 0 if record.padding is None else vocab[record.padding]
    if padding_id != record.padding_id:
        return f"id {padding_id} for the padding token, not {record.padding_id}"
    if record.tokenizer_config is None:
        return ""
    config = read_checked(artifact, record.tokenizer_config)
    found = config_fault(config, unknown=record.unknown, padding=record.padding)
    return found and f"{found}, in {record.tokenizer_config.path}"


def _no_vocabulary(path: Path, found: str, fix: str) -> ManifestError:
    expected = "UTF-8 with one token on each line, each once"
    return ManifestError(path, expected=expected, found=found, fix=fix)
