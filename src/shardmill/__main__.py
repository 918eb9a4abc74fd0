"""Runs the command `shardmill`; `python -m shardmill` does the same."""

from shardmill.cli import main
from shardmill.startup import (
    collect_garbage_rarely,
    draw_to_files,
    look_for_no_plugins,
    skip_final_collection,
    wait_passively,
)


def run() -> None:
    """Run the command that this process was started for, and end the process."""
    collect_garbage_rarely()
    draw_to_files()
    look_for_no_plugins()
    wait_passively()
    try:
        main(prog_name="shardmill")
    finally:
        skip_final_collection()


if __name__ == "__main__":
    run()
