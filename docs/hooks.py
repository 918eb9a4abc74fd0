"""Prepares the sources before mkdocs builds the pages."""

import re
import shutil
from pathlib import Path

ROOT = Path(__file__).parent.parent
SOURCES = ROOT / "build" / "docs"


def on_startup(**_options: object) -> None:
    """Copy the sources to a folder where mkdocstrings finds all of them.

    mkdocstrings reads sources without importing them. Two things are different in the copy:

    - Every folder has an `__init__.py`. Without one it is skipped, and `pipeline`, `datasets` and
      `training` have none.
    - Examples stand under `Examples:`, since mkdocstrings does not render those under `Example:`
      as code.
    """
    shutil.rmtree(SOURCES, ignore_errors=True)
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "src" / "shardmill", SOURCES / "shardmill", ignore=ignored)
    for module in list(SOURCES.rglob("*.py")):
        text = module.read_text(encoding="utf-8")
        examples = re.sub(r"^( +)Example:$", r"\1Examples:", text, flags=re.MULTILINE)
        module.write_text(examples, encoding="utf-8")
        module.with_name("__init__.py").touch()
    for wing in ("pipeline", "datasets", "training"):
        (SOURCES / "shardmill" / wing / "__init__.py").touch()
