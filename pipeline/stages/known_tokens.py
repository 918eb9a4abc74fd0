"""The tokens of a vocabulary as a file, in which tasks look up the ids of tokens.

The file is mapped, so tasks need not get the vocabulary with their arguments.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from shardmill.format.arrow_arrays import arrow_array, numpy_array, string_array
from shardmill.kinds.row import Fitted
from shardmill.store.mounts import here, sent


@dataclass(frozen=True, slots=True)
class KnownTokens:
    """A file with the tokens of a vocabulary in the order of their ids.

    Attributes:
        path: An Arrow file with the column `token`.
        default: The id of all other tokens.
    """

    path: Path
    default: int

    @classmethod
    def write(cls, fitted: Fitted, folder: Path) -> "KnownTokens | None":
        """Write the vocabulary of texts to a folder; return None if no tokens are looked up.

        Raises:
            OSError: The file cannot be written.
        """
        if fitted.vocab is None or fitted.tokenizer is not None:
            return None
        table = pa.table({"token": string_array(fitted.vocab.get_itos())})
        path = folder / "known_tokens.arrow"
        with pa.ipc.new_file(str(path), table.schema) as file:
            file.write_table(table)
        sent(path)
        default = fitted.vocab.get_default_index()
        assert default is not None  # noqa: S101  vocabularies of builds have one
        return cls(path, default)

    def ids(self, tables: Sequence[pa.Table]) -> list[npt.NDArray[np.int32]]:
        """Return the ids [distinct tokens] of the column `token` of each table."""
        if not tables:
            return []
        tokens = pa.chunked_array([t.column("token").combine_chunks() for t in tables])
        with pa.memory_map(str(here(self.path))) as source:
            known = pa.ipc.open_file(source).read_all().column("token").combine_chunks()
            found = pc.index_in(tokens, value_set=known)
        default = arrow_array(np.array([self.default], np.int32))[0]
        ends = np.cumsum([len(table) for table in tables])
        return np.split(numpy_array(found.fill_null(default)), ends[:-1])
