"""A bounded run of the fuzzer.

`python tests/support/fuzz_readers.py --seconds N` goes on for longer.
"""

from pathlib import Path

from fuzz_readers import fuzz


def test_damaged_files_are_read_or_refused(tmp_path: Path) -> None:
    tally = fuzz(0, tmp_path / "failures", cases=400)
    assert tally.failed == []
    # The draw reaches past the first check of every reader.
    assert tally.read > 80
    assert {"CompressionError", "FieldCountError", "IdxSizeError", "UnclosedQuoteError"} <= set(
        tally.refused
    )
