"""The process of the command `shardmill`; `python -m shardmill` is the same."""

import gc

from shardmill.cli import main


def run() -> None:
    """Run the command that the process was started with, and end the process."""
    # Imports make hundreds of thousands of objects and no garbage. To look for it as often as by
    # default, and once more at the end, takes a quarter of a short build.
    gc.set_threshold(50_000)
    try:
        main(prog_name="shardmill")
    finally:
        gc.freeze()


if __name__ == "__main__":
    run()
