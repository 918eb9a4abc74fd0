"""`shardmill doctor`."""

from pathlib import Path

import click

from shardmill.cli import options
from shardmill.cli.command import Command, examples
from shardmill.cli.path_types import Here


@click.command(
    "doctor", cls=Command, epilog=examples("shardmill doctor --artifacts /data/artifacts")
)
@click.option(
    "--artifacts",
    type=Here("What is checked is a folder of this machine.", file_okay=False),
    default=Path("artifacts"),
    show_default=True,
    help="The folder of the artifacts.",
)
@options.as_json
def command(artifacts: Path, as_json: bool) -> None:
    """Check this machine and what is installed.

    The command looks at versions, disk, memory, threads and GPUs, and maps a small file as shards
    are mapped. The exit code is 1 if something that shardmill needs is broken.
    """
    from shardmill.cli.check_machine import check_machine
    from shardmill.cli.output import print_json

    checks = []
    for check in check_machine(artifacts):
        checks.append(check)
        if not as_json:
            click.echo(f"{check.state:<6} {check.name:<18} {check.found}")
            if check.advice:
                click.echo(f"{'':<25} {check.advice}")
    broken = [check for check in checks if check.state == "broken"]
    if as_json:
        print_json({"works": not broken, "checks": [check.to_dict() for check in checks]})
    elif broken:
        names = ", ".join(check.name for check in broken)
        click.echo(f"broken: {names}")
    else:
        click.echo("everything that shardmill needs is there")
    if broken:
        click.get_current_context().exit(1)
