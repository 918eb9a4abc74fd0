"""The modules of the library as syntax trees, for tests of the source itself."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
_FOLDERS = ("src/shardmill", "pipeline", "datasets", "training")


def modules() -> dict[str, Path]:
    """Return the file of every module of the library, by its name. Links are not followed."""
    found = {}
    for folder in _FOLDERS:
        top = ROOT / folder
        for file in sorted(top.rglob("*.py")):
            parts = file.relative_to(top.parent).with_suffix("").parts
            names = [*([] if folder == "src/shardmill" else ["shardmill"]), *parts]
            if names[-1] == "__init__":
                names.pop()
            if not any(part.is_symlink() for part in file.parents if ROOT in part.parents):
                found[".".join(names)] = file
    return found


def trees() -> dict[str, ast.Module]:
    """Return the syntax tree of every module of the library, by its name."""
    return {name: ast.parse(file.read_text()) for name, file in modules().items()}


def imports(tree: ast.AST, known: Mapping[str, object]) -> set[str]:
    """Return the modules of `known` that a tree imports, in functions and for types too."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            below = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= (below & known.keys()) or {node.module}
    return found & known.keys()


def circles(graph: Mapping[str, set[str]]) -> list[list[str]]:
    """Return the circles of a graph, shortest first: for each module the least way back to it."""
    found: dict[frozenset[str], list[str]] = {}
    for start in graph:
        ways = [[start]]
        seen: set[str] = set()
        while ways:
            way = ways.pop(0)
            for after in sorted(graph[way[-1]]):
                if after == start:
                    found.setdefault(frozenset(way), [*way, start])
                    ways = []
                    break
                if after not in seen:
                    seen.add(after)
                    ways.append([*way, after])
    return sorted(found.values(), key=len)


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef]:
    """Yield all functions and methods of a tree."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            yield node
