"""What all commands have in common: variables that give options, and examples in the help."""

from typing import Any

import click

# Where a command leaves for its group whether its results were to be JSON.
JSON_WANTED = "shardmill.cli.json_wanted"


class Command(click.Command):
    """A command whose options can also be given as environment variables.

    `--raw` of `shardmill preprocess` is `SHARDMILL_PREPROCESS_RAW`. The help names the variables
    of folders and files, which differ from one machine to another.
    """

    def __init__(self, name: str | None, *, group: str = "", **settings: Any) -> None:
        """Make a command.

        Args:
            name: The name of the command.
            group: The name of the group that it is in, if there is one.
            **settings: Those of `click.Command`.
        """
        super().__init__(name, **settings)
        for option in self.params:
            if isinstance(option, click.Option):
                option.envvar = variable_name(f"{group} {self.name}".strip(), option)
                option.show_envvar = isinstance(option.type, click.Path)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command, after noting for its group whether --json was given."""
        ctx.meta[JSON_WANTED] = bool(ctx.params.get("as_json"))
        return super().invoke(ctx)


def variable_name(command: str, option: click.Option) -> str:
    """Return the name of the environment variable for an option of a command.

    Example:
        >>> variable_name("train", click.Option(["--batch-size", "rows"]))
        'SHARDMILL_TRAIN_BATCH_SIZE'
        >>> variable_name("recipe schema", click.Option(["--kind"]))
        'SHARDMILL_RECIPE_SCHEMA_KIND'
    """
    flag = max(option.opts, key=len).lstrip("-")
    return f"SHARDMILL_{command}_{flag}".upper().replace("-", "_").replace(" ", "_")


def examples(*lines: str) -> str:
    """Return the end of a command's help: examples, a line for each."""
    heading = "Example:" if len(lines) == 1 else "Examples:"
    # Click keeps the lines of a paragraph that starts with a backspace as they are.
    return "\n".join(["\b", heading, *(f"  {line}" for line in lines)])
