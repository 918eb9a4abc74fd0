"""Records of single files of an artifact, and of those of a vocabulary, as a manifest has them."""

from collections.abc import Iterator
from typing import Annotated

from pydantic import AfterValidator, Field

from shardmill.strict import Strict, spelt

# Rows, values and bytes are counted in 64 bits.
Count = Annotated[int, Field(ge=0, lt=2**63)]
Digest = Annotated[str, spelt("[0-9a-f]{32}", "32 hexadecimal digits")]
Sha256 = Annotated[str, spelt("[0-9a-f]{64}", "64 hexadecimal digits")]


def _inside(path: str) -> str:
    wrong = not path.isprintable() or "\\" in path or ":" in path
    if wrong or not {"", ".", ".."}.isdisjoint(path.split("/")):
        raise ValueError("must be relative, with forward slashes, and stay inside the artifact")
    return path


InsidePath = Annotated[str, AfterValidator(_inside)]


class FileRecord(Strict):
    """One file of the artifact.

    Attributes:
        path: The path of the file in the artifact.
        bytes: The size of the file.
        xxh3_128: The checksum of its bytes.
    """

    path: InsidePath
    bytes: Count
    xxh3_128: Digest


class ParquetRecord(FileRecord):
    """A Parquet file of rows that were cleaned or left out.

    Attributes:
        rows: How many rows it holds.
    """

    rows: Count


class ShardRecord(FileRecord):
    """A shard.

    Attributes:
        rows: How many rows it holds.
        values: How many values all rows of each ragged field have together.
        longest: How many values the longest row of each ragged field has.
        unknown: How many tokens the vocabulary lacks (`text`), or how many cells of a column are no
            category, where such values have an id or a level.
    """

    rows: Annotated[Count, Field(ge=1)]
    values: dict[str, Count] = Field(default_factory=dict)
    longest: dict[str, Count] = Field(default_factory=dict)
    unknown: dict[str, Count] = Field(default_factory=dict)


class VocabularyRecord(Strict):
    """The files of the vocabulary, and the facts that a reader needs before it loads them.

    Attributes:
        tokens: How many tokens there are.
        unknown: The token that stands for unknown tokens; None if there is none.
        padding: The token that fills up short texts; None if there is none.
        padding_id: The id of that token; 0 if there is none.
        vocab: The file with one token on each line; None if only the tokenizer holds the tokens.
        tokenizer: The file with the same tokens for Hugging Face `tokenizers`.
        tokenizer_config: The file by which Hugging Face `transformers` opens the tokenizer; None
            in artifacts that were built before there was one.
        unicode: The version of Unicode by which texts were cleaned and cut into tokens; None if
            that does not depend on it, or if it was not written down.
    """

    tokens: Annotated[Count, Field(ge=1)]
    unknown: str | None
    padding: str | None
    padding_id: Count
    vocab: FileRecord | None
    tokenizer: FileRecord
    tokenizer_config: FileRecord | None = None
    unicode: str | None = None

    def files(self) -> Iterator[FileRecord]:
        """Yield the files of the vocabulary."""
        for file in (self.vocab, self.tokenizer, self.tokenizer_config):
            if file is not None:
                yield file
