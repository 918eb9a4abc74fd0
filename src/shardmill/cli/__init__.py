"""The command line. One module per command; they hold options and output, no logic."""

import difflib
import signal
import sys
from importlib import import_module
from typing import Any

import click

from shardmill.errors import ShardmillError
from shardmill.version import __version__

# Modules are imported when their command runs or shows its help. They import click alone; what
# does the work is imported inside the command, so that --help is fast.
COMMANDS = (
    "preprocess",
    "fetch",
    "sample",
    "clean",
    "shard",
    "verify",
    "inspect",
    "recipe",
    "train",
    "predict",
    "evaluate",
    "export",
)


class CommandError(click.ClickException):
    """A refusal, printed as where, expected, found and what to do; see `shardmill.errors`."""

    def __init__(self, error: ShardmillError) -> None:
        super().__init__(str(error))
        self.error = error

    @property
    def exit_code(self) -> int:  # type: ignore[override]
        """The exit code of the error's class."""
        return self.error.exit_code

    def show(self, file: Any = None) -> None:
        """Print the error to stderr."""
        rows = [("expected", self.error.expected), ("found", self.error.found)]
        click.echo(f"error: {self.error.where}", file, err=True)
        for name, text in [*rows, ("to do", self.error.fix)]:
            click.echo(f"  {name:<9} {text}", file, err=True)
        for note in getattr(self.error, "__notes__", ()):
            click.echo(f"error: {note}", file, err=True)


class Terminated(BaseException):
    """The process was asked to end by SIGTERM."""


def _end(number: int, frame: object) -> None:  # noqa: ARG001
    raise Terminated


def _left(error: BaseException) -> str:
    # Commands that leave something behind note it.
    notes = getattr(error, "__notes__", ["what was not finished is as it was before"])
    return "; ".join(notes)


class LazyGroup(click.Group):
    """The commands, each in a module of its own, and what becomes of their errors."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the names of all commands, in the order in which they are used."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, or fail with the closest name."""
        if cmd_name in COMMANDS:
            command: click.Command = import_module(f"shardmill.cli.{cmd_name}_command").command
            return command
        close = difflib.get_close_matches(cmd_name, COMMANDS, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        return ctx.fail(f"No such command {cmd_name!r}.{hint}")

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; without --debug, errors are messages and not tracebacks."""
        # Batch systems and containers end a process so; it then cleans up as after Ctrl-C.
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
            raise CommandError(error) from None
        except BrokenPipeError:
            # Whoever read our output has had enough; point it elsewhere for the final flush.
            sys.stdout = None
            ctx.exit(0)
        except Exception as error:
            if ctx.params["debug"]:
                raise
            text = f"unexpected {type(error).__name__}: {error}"
            raise click.ClickException(f"{text}\n  run `shardmill --debug ...` for more") from None
        finally:
            signal.signal(signal.SIGTERM, before)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="shardmill")
@click.option("--debug", is_flag=True, help="Show tracebacks.")
def main(debug: bool) -> None:
    """Mill raw CSV and IDX files into cleaned Parquet and memory-mapped tensor shards.

    Results go to stdout, progress and notes to stderr. Exit codes: 0 success, 1 failure, 2 usage,
    3 recipe, 4 raw input, 5 artifact, 6 locked, 7 output, 8 fetch, 9 training,
    130 interrupted, 143 terminated.
    """
