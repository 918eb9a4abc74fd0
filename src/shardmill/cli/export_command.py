"""`shardmill export`."""

from pathlib import Path

import click

from shardmill.cli import options
from shardmill.cli.command import Command, examples
from shardmill.cli.path_types import Here
from shardmill.urls import PathOrUrl, is_url


@click.command("export", cls=Command, epilog=examples("shardmill export mnist"))
@options.model
@click.option(
    "--out",
    type=Here("Write a file, and copy it there.", dir_okay=False),
    help="The file to write. It takes its place when it has been checked.  [default: model.pt2 "
    "beside the folder of the model; for a URL, it must be given]",
)
@options.runs
@options.cache
@options.as_json
@options.quiet
def command(
    folder: PathOrUrl,
    out: Path | None,
    runs: PathOrUrl,
    cache: Path | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Export the network of a saved model, with torch.export.

    MODEL is a model that `shardmill train` has saved: the name or the folder of the run, its own
    folder, or a URL. The exported network takes tensors, not
    raw rows, and any number of rows at once. The file is loaded again and compared with the model
    before it takes its place. `torch.export.load(FILE).module()` needs torch alone.
    """
    from shardmill.cli.output import print_json
    from shardmill.cli.print_models import print_exported
    from shardmill.named import find_model
    from shardmill.training.saved.export_model import export_model
    from shardmill.training.saved.load_model import load_model

    folder = find_model(folder, runs) or folder
    if out is None:
        if is_url(folder):
            raise click.UsageError("--out: nothing is written beside a URL, so name the file.")
        folder = Path(folder)
        named = folder if folder.name.strip(".") else folder.resolve()
        out = named.with_name(f"{named.name}.pt2")
    exported = export_model(load_model(folder, cache=cache), out)
    if not quiet:
        size = exported.path.stat().st_size
        click.echo(f"wrote {size:,} bytes to {exported.path}", err=True)
    if as_json:
        print_json(exported.to_dict())
    elif not quiet:
        print_exported(exported)
