"""`shardmill cache list`."""

from pathlib import Path

import click

from shardmill.cli import options
from shardmill.cli.command import Command, examples


@click.command("list", group="cache", cls=Command, epilog=examples("shardmill cache list"))
@options.cache
@options.as_json
def command(cache: Path | None, as_json: bool) -> None:
    """List what is in the cache, with its bytes and its last use."""
    from datetime import datetime

    from shardmill.cli.output import print_json
    from shardmill.store.cache_folder import list_cache, usual_cache

    cache = cache or usual_cache()
    rows = [
        (each, datetime.fromtimestamp(each.used).astimezone().isoformat(" ", "seconds"))
        for each in list_cache(cache)
    ]
    if as_json:
        print_json(
            [
                {"url": each.url, "folder": str(each.folder), "bytes": each.bytes, "used": used}
                for each, used in rows
            ]
        )
        return
    for each, used in rows:
        click.echo(f"{each.bytes:>15,}  {used}  {each.url}")
    if not rows:
        click.echo(f"note: there is nothing in {cache}", err=True)
