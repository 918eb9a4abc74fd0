"""The command line: one module for each command, with its options and its output but no logic."""

import json
import signal
import sys
from typing import Any

import click

from shardmill.cli.command import JSON_WANTED
from shardmill.cli.lazy_group import LazyGroup
from shardmill.errors import ShardmillError
from shardmill.version import __version__

# The module of a command is imported when the command runs or shows its help. It imports click, and
# inside of the command what does the work, so that --help is fast.
COMMANDS = (
    "preprocess",
    "fetch",
    "sample",
    "clean",
    "shard",
    "verify",
    "inspect",
    "push",
    "pull",
    "cache",
    "recipe",
    "train",
    "predict",
    "evaluate",
    "export",
    "doctor",
)


class CommandError(click.ClickException):
    """A refusal, printed as where, expected, found and what to do; see `shardmill.errors`.

    Args:
        error: The refusal.
        as_json: Whether to print it as one line of JSON, since the command was given --json. It
            goes to stderr all the same, so that stdout holds results and nothing else.
    """

    def __init__(self, error: ShardmillError, *, as_json: bool) -> None:
        super().__init__(str(error))
        self.error = error
        self.as_json = as_json

    @property
    def exit_code(self) -> int:  # type: ignore[override]
        """The exit code of the error's class."""
        return self.error.exit_code

    def show(self, file: Any = None) -> None:
        """Print the error to stderr."""
        if self.as_json:
            click.echo(json.dumps({"error": self._facts()}, ensure_ascii=False), file, err=True)
            return
        rows = [("expected", self.error.expected), ("found", self.error.found)]
        click.echo(f"error: {self.error.where}", file, err=True)
        for name, text in [*rows, ("to do", self.error.fix)]:
            click.echo(f"  {name:<9} {text}", file, err=True)
        for note in getattr(self.error, "__notes__", ()):
            click.echo(f"error: {note}", file, err=True)

    def _facts(self) -> dict[str, Any]:
        return {
            "class": type(self.error).__name__,
            "where": self.error.where,
            "expected": self.error.expected,
            "found": self.error.found,
            "fix": self.error.fix,
            "exit_code": self.exit_code,
            "notes": list(getattr(self.error, "__notes__", ())),
        }


class Terminated(BaseException):
    """The process was asked to end by SIGTERM."""


def _end(number: int, frame: object) -> None:  # noqa: ARG001
    raise Terminated


def _left(error: BaseException) -> str:
    """Return what an interrupted command has left behind, which it noted on the error."""
    notes = getattr(error, "__notes__", ["what was not finished is as it was before"])
    return "; ".join(notes)


class Commands(LazyGroup):
    """The commands, and what becomes of their errors."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command. Without --debug, an error is a message and no traceback.

        Raises:
            CommandError: A `ShardmillError` was raised.
            ClickException: The command was used wrongly.
        """
        # Batch systems and containers end a process by SIGTERM. It cleans up as after Ctrl-C.
        before = signal.signal(signal.SIGTERM, _end)
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            click.echo(f"interrupted: {_left(error)}", err=True)
            ctx.exit(130)
        except Terminated as error:
            click.echo(f"terminated: {_left(error)}", err=True)
            ctx.exit(143)
        except (click.exceptions.Exit, click.Abort, click.ClickException):
            raise
        except ShardmillError as error:
            if ctx.params["debug"]:
                raise
            raise CommandError(error, as_json=bool(ctx.meta.get(JSON_WANTED))) from None
        except BrokenPipeError:
            # Nobody reads the output any more, so the final flush must not write to it.
            sys.stdout = None
            ctx.exit(0)
        except Exception as error:
            if ctx.params["debug"]:
                raise
            text = f"unexpected {type(error).__name__}: {error}"
            raise click.ClickException(f"{text}\n  run `shardmill --debug ...` for more") from None
        finally:
            signal.signal(signal.SIGTERM, before)


_EPILOG = """\b
Every option can be set by a variable, SHARDMILL_<COMMAND>_<OPTION>:
  export SHARDMILL_PREPROCESS_RAW=/path/to/raw

\b
The Tab key completes commands, recipes, artifacts, models and settings after
  eval "$(_SHARDMILL_COMPLETE=bash_source shardmill)"     # or zsh_source
"""


@click.group(
    cls=Commands,
    names=COMMANDS,
    modules="shardmill.cli.{}_command",
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=_EPILOG,
)
@click.version_option(__version__, prog_name="shardmill")
@click.option("--debug", is_flag=True, help="Show tracebacks.")
def main(debug: bool) -> None:
    """Mill tables, texts and images into cleaned Parquet and memory-mapped tensor shards.

    Results go to stdout; progress, notes and errors go to stderr. Exit codes: 0 success, 1 failure,
    2 usage, 3 recipe, 4 raw input, 5 artifact, 6 locked, 7 output, 8 fetch or storage, 9 training,
    10 predicted but for bad rows, 130 interrupted, 143 terminated.
    """
