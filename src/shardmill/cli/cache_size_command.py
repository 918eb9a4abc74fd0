"""`shardmill cache size`."""

from pathlib import Path

import click

from shardmill.cli import options
from shardmill.cli.command import Command, examples


@click.command("size", group="cache", cls=Command, epilog=examples("shardmill cache size"))
@options.cache
@options.as_json
def command(cache: Path | None, as_json: bool) -> None:
    """Say how many bytes the cache takes."""
    from shardmill.cli.output import print_json
    from shardmill.store.cache_folder import list_cache, usual_cache

    cache = cache or usual_cache()
    size = sum(each.bytes for each in list_cache(cache))
    if as_json:
        print_json({"folder": str(cache), "bytes": size})
    else:
        click.echo(f"{size:,} bytes in {cache}")
