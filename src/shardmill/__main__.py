"""`python -m shardmill` is the command `shardmill`."""

from shardmill.cli import main

if __name__ == "__main__":
    main(prog_name="shardmill")
