"""`shardmill doctor` says what is there, and what is in the way."""

import json
import sys
from pathlib import Path

import pytest
from commands import done, run

from shardmill.cli import check_machine
from shardmill.cli.check_machine import Check, check_extra, check_imports, check_libraries


def test_a_machine_on_which_everything_works(tmp_path: Path) -> None:
    lines = done("doctor", "--artifacts", tmp_path).stdout.splitlines()
    assert lines[-1] == "everything that shardmill needs is there"
    assert f"ok     mapping            works in {tmp_path}" in lines
    assert [line for line in lines if line.startswith("broken")] == []
    assert list(tmp_path.iterdir()) == []


def test_json(tmp_path: Path) -> None:
    facts = json.loads(done("doctor", "--artifacts", tmp_path / "none", "--json").stdout)
    assert facts["works"]
    found = {check["name"]: check for check in facts["checks"]}
    assert {"python", "numpy", "torch", "disk", "memory", "page size", "threads"} <= set(found)
    assert found["python"]["found"].startswith(f"{sys.version_info.major}.")
    assert found["mapping"]["state"] == "ok"


def test_libraries() -> None:
    needed = {"numpy": "1.0", "pandas": "999.1", "no-such-library": "2"}
    assert [(c.name, c.state) for c in check_libraries(needed)] == [
        ("numpy", "ok"),
        ("pandas", "broken"),
        ("no-such-library", "broken"),
    ]
    *_, last = check_libraries(needed)
    assert (last.found, last.advice) == ("not installed", "pip install 'no-such-library>=2'")


def test_extras_are_not_needed() -> None:
    assert check_extra("train", {"numpy": "1"}).state == "ok"
    lacking = check_extra("train", {"numpy": "1", "no-such-library": "2"})
    assert (lacking.state, lacking.advice) == ("note", "pip install 'shardmill[train]'")
    assert lacking.found.endswith("; without no-such-library")
    assert check_extra("train", {"numpy": "999"}).found.endswith("; numpy too old")


def test_versions_are_compared_as_numbers() -> None:
    older = [("2.9.1", "2.10"), ("2.10rc1", "2.11"), ("1", "1.0.1")]
    assert all(check_machine._is_older(*pair) for pair in older)
    assert not any(check_machine._is_older(new, old) for old, new in older)
    assert not check_machine._is_older("2.13.0+cpu", "2.13")


def test_every_needed_library_is_looked_at() -> None:
    assert {"click", "numpy", "torch", "xxhash"} <= set(check_machine._needed())
    assert "lightning" in check_machine._needed("train")
    assert "lightning" not in check_machine._needed()


def test_an_import_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "half_installed.py").write_text("raise OSError('libfoo.so: not found')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    (check,) = check_imports(["json", "half_installed"])
    assert check == Check(
        "import half_installed",
        "cannot be imported: libfoo.so: not found",
        "broken",
        "install half_installed anew",
    )


def test_what_is_broken_gives_an_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    def checks(folder: Path) -> list[Check]:
        return [Check("disk", "full"), Check("mapping", "no", "broken", "use another disk")]

    monkeypatch.setattr(check_machine, "check_machine", checks)
    result = run("doctor")
    assert result.exit_code == 1
    assert "broken mapping            no\n" in result.stdout
    assert " use another disk\nbroken: mapping\n" in result.stdout
    assert json.loads(run("doctor", "--json").stdout)["works"] is False
