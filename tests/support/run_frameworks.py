"""Runs the pages about other frameworks, each with the built wheel in an environment of its own.

`make test-frameworks` calls it. It needs a wheel and the folder for the environments.
"""

import argparse
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
# The page, and what is installed beside the wheel to run all its blocks.
PAGES = {
    "huggingface": ["transformers", "accelerate", "datasets"],
    "frameworks": ["scikit-learn", "jax"],
    "lightning-accelerate": ["lightning", "accelerate", "torchdata"],
}
RUN = """
import sys
from pathlib import Path
from doc_blocks import find_blocks, run_page

blocks = find_blocks(Path(sys.argv[1]))
wanted = sum(block.language in ("python", "sh") for block in blocks)
ran = run_page(blocks, Path.cwd())
assert ran == wanted, f"{ran} of {wanted} blocks ran"
print(f"{Path(sys.argv[1]).name}: {ran} of {wanted} blocks ran")
"""


def main() -> None:
    """Make the environments that are missing, and run each page in its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wheel", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="a folder for environments")
    arguments = parser.parse_args()
    for page, libraries in PAGES.items():
        folder = arguments.out.resolve() / page
        python = folder / "bin" / "python"
        if not python.exists():
            venv.create(folder, with_pip=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        constraints = ["--constraint", str(ROOT / "constraints.txt")]
        call([*pip, *constraints, str(arguments.wheel.resolve()), *libraries])
        call([*pip, "--force-reinstall", "--no-deps", str(arguments.wheel.resolve())])
        run_in(folder, page, python)


def run_in(folder: Path, page: str, python: Path) -> None:
    """Build artifacts from sample data, and run the blocks of a page beside them."""
    project = folder / "project"
    project.mkdir(exist_ok=True)
    build = ["-m", "shardmill", "preprocess", "--sample", "data/sample", "--quiet"]
    call([str(python), *build], project)
    file = ROOT / "docs" / "how-to" / f"{page}.md"
    code = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n{RUN}"
    call([str(python), "-c", code, str(file)], project)


def call(command: list[str], folder: Path | None = None) -> None:
    """Run a command, and end this program with its exit code if it fails."""
    done = subprocess.run(command, cwd=folder, check=False)
    if done.returncode:
        sys.exit(done.returncode)


if __name__ == "__main__":
    main()
