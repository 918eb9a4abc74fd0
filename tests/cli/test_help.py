"""Help fits the terminal, shows examples, and says which variables stand for options."""

import re

import pytest
from click.testing import CliRunner

from shardmill.cli import COMMANDS, main


def help_of(*command: str) -> str:
    result = CliRunner().invoke(main, [*command, "--help"], terminal_width=80)
    assert result.exit_code == 0
    return result.output


def test_every_summary_is_shown_whole() -> None:
    listed = help_of().split("Commands:")[1].split("\n\n")[0]
    lines = re.findall(r"^  (\w+) +(.+)$", listed, re.M)
    assert [name for name, _ in lines] == list(COMMANDS)
    assert [summary for _, summary in lines if not summary.endswith(".")] == []
    assert [summary for _, summary in lines if summary.endswith("...")] == []
    assert max(map(len, help_of().splitlines())) <= 80


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_shows_an_example(name: str) -> None:
    text = help_of(name)
    assert re.search(rf"Examples?:\n  .*shardmill {name} ", text)
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_explained(name: str) -> None:
    context = main.make_context("shardmill", [name, "--help"], resilient_parsing=True)
    command = main.get_command(context, name)
    assert command is not None
    for option in command.get_params(context):
        assert option.param_type_name == "argument" or getattr(option, "help", None), option.name


def test_an_option_comes_from_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHARDMILL_PREPROCESS_RAW", "/no/such/folder")
    result = CliRunner().invoke(main, ["preprocess", "titanic"])
    assert result.exit_code == 2
    assert "there is no folder '/no/such/folder'" in result.output


def test_the_variable_of_the_tests_is_none_of_the_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHARDMILL_RAW", "/no/such/folder")
    result = CliRunner().invoke(main, ["preprocess", "titanic", "--dry-run"])
    assert "/no/such/folder" not in result.output
