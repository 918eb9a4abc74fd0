"""Finds the code blocks of a Markdown page, and runs them one after another in one folder."""

import contextlib
import doctest
import io
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

_FENCE = re.compile(
    r"(?:^<!-- The next block needs (?P<needs>[\w.]+)\. -->\n\n)?"
    r"^(?P<indent> *)```(?P<language>[\w-]*)(?P<rest>[^\n]*)\n(?P<text>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)
_TITLE = re.compile(r'title="([^"]+)"')
_SAME = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE

RUN = ("python", "sh")


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block of a page.

    Attributes:
        page: The file that the block stands in.
        line: The line of its first line of text, from 1.
        language: The first word after the fence. `python` and `sh` are run. `output` is what the
            block before it prints, where `...` stands for anything. `console` is not run.
        title: The file that the block is written to before the blocks after it run, or none.
        text: The lines between the fences.
        needs: The module that the block needs and the tests may lack; none if they have it.
    """

    page: Path
    line: int
    language: str
    title: str
    text: str
    needs: str = ""

    @property
    def is_run(self) -> bool:
        """Whether the block is code that can be run here."""
        return self.language in RUN and (not self.needs or _is_installed(self.needs))

    @property
    def place(self) -> str:
        """The page and the line, as error messages name them."""
        return f"{self.page}:{self.line}"


def _is_installed(module: str) -> bool:
    # In a checkout, the folder `datasets` looks like a package without files to Python.
    spec = find_spec(module)
    return spec is not None and spec.origin is not None


def find_blocks(page: Path) -> list[Block]:
    """Return the fenced blocks of a page in their order."""
    text = page.read_text(encoding="utf-8")
    blocks = []
    for match in _FENCE.finditer(text):
        line = text.count("\n", 0, match.start("text")) + 1
        title = _TITLE.search(match["rest"])
        inner = re.sub(rf"^{match['indent']}", "", match["text"], flags=re.MULTILINE)
        needs = match["needs"] or ""
        blocks.append(Block(page, line, match["language"], title[1] if title else "", inner, needs))
    return blocks


def run_page(blocks: list[Block], folder: Path) -> int:
    """Run the blocks of one page in `folder`, and return how many were run.

    Blocks with a title are written to that file. Python blocks share one namespace. A block that
    needs a module which is not there is left out, and so is its output.

    Raises:
        AssertionError: A block failed, or printed something else than the page shows.
    """
    namespace: dict[str, Any] = {"__name__": "page"}
    printed, ran, left_out = "", 0, False
    for block in blocks:
        if block.language in RUN:
            left_out = not block.is_run
        if left_out and block.language in (*RUN, "output"):
            continue
        if block.title:
            file = folder / block.title
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(block.text, encoding="utf-8")
        if block.language == "output":
            _check_output(block, printed)
        elif block.language == "sh":
            printed, ran = _run_shell(block, folder), ran + 1
        elif block.language == "python":
            printed, ran = _run_python(block, folder, namespace), ran + 1
    return ran


def _check_output(block: Block, printed: str) -> None:
    if not doctest.OutputChecker().check_output(block.text, printed, _SAME):
        raise AssertionError(f"{block.place}: the page shows\n{block.text}\nbut it is\n{printed}")


def _run_python(block: Block, folder: Path, namespace: dict[str, Any]) -> str:
    # Empty lines before the text make the lines of tracebacks those of the page.
    code = compile("\n" * (block.line - 1) + block.text, str(block.page), "exec")
    printed = io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stdout(printed):
        exec(code, namespace)
    return printed.getvalue()


def _run_shell(block: Block, folder: Path) -> str:
    command = ["bash", "-euo", "pipefail", "-c", block.text]
    done = subprocess.run(
        command,
        cwd=folder,
        env=shell_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=120,
    )
    if done.returncode:
        raise AssertionError(f"{block.place}: exit code {done.returncode}\n{done.stdout}")
    return done.stdout


def shell_environment() -> Mapping[str, str]:
    """Return the variables of an activated environment: that of the running Python comes first."""
    folder = str(Path(sys.executable).parent)
    path = os.pathsep.join((folder, os.environ.get("PATH", os.defpath)))
    return {**os.environ, "PATH": path, "COLUMNS": "120", "WANDB_MODE": "offline"}
