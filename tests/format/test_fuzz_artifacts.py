"""A bounded run of the fuzzer; `make fuzz` goes on for longer."""

import random
from pathlib import Path

import pytest
from damage_files import damaged, fewest
from fuzz_artifacts import Case, Tally
from fuzz_bases import build_bases


@pytest.mark.filterwarnings("ignore:.*Unicode.*")  # a damaged version is another one
def test_damaged_folders_are_read_or_refused(tmp_path: Path) -> None:
    bases = build_bases(tmp_path / "bases")
    case, tally = Case(bases, tmp_path / "damaged"), Tally()
    for number in range(250):
        case.run(f"0-{number}", tally)
    assert not tally.failed
    assert tally.read > 10
    assert {"DamagedFileError", "ManifestError", "ModelError"} <= set(tally.refused)


def test_damage_depends_on_the_seed_alone() -> None:
    files = {"a.json": b'{"x": [1, 2]}', "b.safetensors": bytes(40_000), "c.txt": b"abc\n"}
    for seed in range(50):
        steps = list(range(random.Random(seed).randint(1, 4)))
        assert damaged(str(seed), files, steps) == damaged(str(seed), files, steps)
    assert set(files) == {"a.json", "b.safetensors", "c.txt"}


def test_few_steps_are_left() -> None:
    assert fewest([0, 1, 2, 3], lambda steps: 2 in steps) == [2]
    assert fewest([0, 1, 2], lambda steps: {0, 2} <= set(steps)) == [0, 2]
