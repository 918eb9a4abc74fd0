"""`shardmill cache`: commands for the cache of what is at URLs."""

from typing import cast

import click

from shardmill.cli.command import examples
from shardmill.cli.lazy_group import LazyGroup

# Each of them has a module called `cache_<name>_command`.
CACHE_COMMANDS = ("list", "size", "clear")
_EXAMPLES = examples("shardmill cache list", "shardmill cache clear s3://bucket/titanic")


@click.group(
    "cache",
    cls=LazyGroup,
    names=CACHE_COMMANDS,
    modules="shardmill.cli.cache_{}_command",
    invoke_without_command=True,
    epilog=_EXAMPLES,
)
@click.pass_context
def command(ctx: click.Context) -> None:
    """List and clear what was brought from URLs.

    `shardmill cache` alone is short for `shardmill cache list`.
    """
    if ctx.invoked_subcommand is None:
        listing = cast(click.Group, ctx.command).get_command(ctx, "list")
        ctx.invoke(cast(click.Command, listing))
