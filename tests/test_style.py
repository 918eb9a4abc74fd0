"""The rules of the house, held over the source itself. Each failure names every place."""

import ast
import re
from collections.abc import Callable, Iterator

import pytest
from source_tree import ROOT, circles, functions, imports, modules, trees

from shardmill import errors

MOST_LINES = 300  # of a module or a test file
MOST_FUNCTION_LINES = 40  # of a function, without its signature and its docstring
# What cannot be documented by `Raises`: protocols, exits, and what Python expects of a class.
UNDOCUMENTED = {"NotImplementedError", "SystemExit", "AttributeError"}
# The exceptions that only the command line raises, whose docstrings are its help.
COMMAND_LINE = {"UsageError", "BadParameter", "ClickException", "CommandError"}
SECTIONS = ("Args", "Attributes", "Raises")

Offences = Iterator[str]


def long_modules() -> Offences:
    for file in [*modules().values(), *sorted((ROOT / "tests").rglob("*.py"))]:
        lines = file.read_text().count("\n")
        if lines > MOST_LINES:
            yield f"{file}: {lines} lines"


def long_functions() -> Offences:
    for name, tree in trees().items():
        for function in functions(tree):
            body = function.body[1:] if ast.get_docstring(function) else function.body
            lines = body[-1].end_lineno - body[0].lineno + 1 if body else 0  # type: ignore[operator]
            if lines > MOST_FUNCTION_LINES:
                yield f"{name}.{function.name}: {lines} lines"


def own_raises(function: ast.FunctionDef) -> set[str]:
    """Return the classes that the body of a function raises, without the functions inside it."""
    raised, waiting = set(), list(function.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            raised.add(ast.unparse(node.exc.func).rpartition(".")[2])
        if not isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Lambda):
            waiting.extend(ast.iter_child_nodes(node))  # type: ignore[arg-type]
    return raised


def undocumented_raises() -> Offences:
    for name, tree in trees().items():
        private = [n for n in ast.walk(tree) if isinstance(n, ast.ClassDef) and n.name[0] == "_"]
        hidden = {id(method) for of in private for method in of.body}
        for function in functions(tree):
            raised = own_raises(function) - UNDOCUMENTED - COMMAND_LINE
            # Functions that make an error, in lower case, are documented by those that call them.
            raised = {error for error in raised if error[0].isupper()}
            public = not function.name.startswith("_") and id(function) not in hidden
            if raised and public and "Raises:" not in (ast.get_docstring(function) or ""):
                yield f"{name}.{function.name}: {', '.join(sorted(raised))}"


def bases_raised() -> Offences:
    bases = {n for n, c in vars(errors).items() if isinstance(c, type) and c.__subclasses__()}
    for name, tree in trees().items():
        for node in ast.walk(tree):
            called = node.func if isinstance(node, ast.Call) else None
            if isinstance(called, ast.Name) and called.id in bases:
                yield f"{name}, line {called.lineno}: {called.id} is a base"


def described(docstring: str) -> Iterator[tuple[str, str]]:
    """Yield the names and descriptions in the sections of a docstring."""
    section = ""
    for line in docstring.splitlines():
        if heading := re.fullmatch(r"([A-Z]\w+):", line):
            section = heading[1]
        elif section in SECTIONS and (entry := re.fullmatch(r"    (\w[\w.*]*): (.*)", line)):
            yield entry[1], entry[2]


def descriptions_without_a_subject() -> Offences:
    for name, tree in trees().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                for parameter, text in described(ast.get_docstring(node) or ""):
                    named = text.startswith(("torch ", "numpy ", "`", '"'))
                    if not (named or text[:1].isupper()) or text.startswith("Of "):
                        yield f"{name}.{node.name}, {parameter}: {text}"


def imported_tests() -> Offences:
    for file in sorted((ROOT / "tests").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [alias.name for alias in node.names]
                names.append(node.module or "" if isinstance(node, ast.ImportFrom) else "")
                if any(part.startswith("test_") for n in names for part in n.split(".")):
                    yield f"{file}, line {node.lineno}"


def displaced_tests() -> Offences:
    known = {name.removeprefix("shardmill.").rpartition(".")[0] for name in modules()}
    for file in sorted((ROOT / "tests").rglob("test_*.py")):
        room = ".".join(file.relative_to(ROOT / "tests").parts[:-1])
        if room and room not in known:
            yield f"{file}: there is no package {room}"


def import_circles() -> Offences:
    known = trees()
    graph = {name: imports(tree, known) - {name} for name, tree in known.items()}
    yield from (" -> ".join(circle) for circle in circles(graph))


@pytest.mark.parametrize(
    "rule",
    [
        long_modules,
        long_functions,
        undocumented_raises,
        bases_raised,
        descriptions_without_a_subject,
        imported_tests,
        displaced_tests,
        import_circles,
    ],
)
def test_the_house_keeps_its_rules(rule: Callable[[], Offences]) -> None:
    assert not list(rule())


def test_the_source_is_looked_at() -> None:
    assert {"shardmill.datasets.loader", "shardmill.format.layout"} <= modules().keys()
    assert circles({"a": {"b"}, "b": {"a"}, "c": {"a"}}) == [["a", "b", "a"]]
