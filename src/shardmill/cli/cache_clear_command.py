"""`shardmill cache clear`."""

from pathlib import Path

import click

from shardmill.cli import options
from shardmill.cli.command import Command, examples

_EXAMPLES = examples("shardmill cache clear", "shardmill cache clear s3://bucket/titanic")


@click.command("clear", group="cache", cls=Command, epilog=_EXAMPLES)
@click.argument("urls", nargs=-1, metavar="[URL]...")
@options.cache
@options.as_json
@options.quiet
def command(urls: tuple[str, ...], cache: Path | None, as_json: bool, quiet: bool) -> None:
    """Remove what was brought from URLs.

    Without a URL, everything is removed.

    A program that reads an artifact goes on with the files that it has mapped, and the disk is
    freed when it ends. A build that still reads raw files from the cache ends with an error.
    """
    from shardmill.cli.output import print_json
    from shardmill.store.cache_folder import clear_cache, usual_cache

    removed = clear_cache(cache or usual_cache(), urls)
    if as_json:
        print_json([{"url": each.url, "bytes": each.bytes} for each in removed])
    elif not quiet:
        for each in removed:
            click.echo(f"removed {each.bytes:,} bytes of {each.url}")
        for url in sorted({url.rstrip("/") for url in urls} - {each.url for each in removed}):
            click.echo(f"note: nothing of {url} is in the cache", err=True)
