"""`shardmill export`."""

from pathlib import Path

import click

from shardmill.cli import options


@click.command("export")
@options.model
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File to write, put in place when it was checked.  [default: FOLDER.pt2]",
)
@options.as_json
@options.quiet
def command(folder: Path, out: Path | None, as_json: bool, quiet: bool) -> None:
    """Export the network that `shardmill train` has saved in FOLDER, with torch.export.

    The file takes tensors, not raw rows, and any number of them; it is loaded again and compared
    with the model before it takes its place. `torch.export.load(FILE).module()` needs torch alone.
    """
    from shardmill.cli.output import print_exported, print_json
    from shardmill.training.saved.export_model import export_model
    from shardmill.training.saved.load_model import load_model

    if out is None:
        named = folder if folder.name.strip(".") else folder.resolve()
        out = named.with_name(f"{named.name}.pt2")
    exported = export_model(load_model(folder), out)
    if not quiet:
        size = exported.path.stat().st_size
        click.echo(f"wrote {size:,} bytes to {exported.path}", err=True)
    if as_json:
        print_json(exported.to_dict())
    elif not quiet:
        print_exported(exported)
