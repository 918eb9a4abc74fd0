"""With --json, an error is JSON too, and stdout holds results alone."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from shardmill.cli import main


@pytest.mark.parametrize("command", [["inspect"], ["verify"], ["evaluate", "model"]])
def test_an_error_is_one_line_of_json(tmp_path: Path, command: list[str]) -> None:
    result = CliRunner().invoke(main, [*command, str(tmp_path / "none"), "--json"])
    assert (result.exit_code, result.stdout) == (5, "")
    (line,) = result.stderr.splitlines()
    error = json.loads(line)["error"]
    assert error["class"] == "MissingArtifactError"
    assert error["exit_code"] == result.exit_code
    assert error["notes"] == []
    assert all(error[name] for name in ("where", "expected", "found", "fix"))


def test_without_json_an_error_is_for_people(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["inspect", str(tmp_path / "none")])
    assert result.exit_code == 5
    assert result.stderr.startswith("error: ")
