"""A group of commands that imports the module of a command when the command is wanted."""

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import click

from shardmill.faults import closest


class LazyGroup(click.Group):
    """Commands that are in a module of their own each. Importing the group imports none of them."""

    def __init__(self, *, names: Sequence[str], modules: str, **settings: Any) -> None:
        """Make a group.

        Args:
            names: The names of its commands, in the order in which its help lists them.
            modules: The import name of the module of a command, with {} for the command's name.
            **settings: Those of `click.Group`.
        """
        super().__init__(**settings)
        self._names = tuple(names)
        self._modules = modules

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the names of all commands, in the order in which they are used."""
        return list(self._names)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, or fail with the closest name."""
        if cmd_name in self._names:
            command: click.Command = import_module(self._modules.format(cmd_name)).command
            return command
        close = closest(cmd_name, self._names)
        hint = "" if close is None else f" Did you mean {close!r}?"
        return ctx.fail(f"No such command {cmd_name!r}.{hint}")
