"""Who may import whom, and what is loaded when: held over the source and in fresh processes."""

import ast
from pathlib import Path

import pyarrow as pa
import pytest
from loaded_modules import loaded_after

import shardmill
from shardmill import errors

ROOT = Path(__file__).parent.parent
# Part of the package -> parts that it may not import. The contract is all of src/shardmill but
# its links and its command line.
FORBIDDEN = {
    "contract": {"pipeline", "datasets", "training", "cli"},
    "pipeline": {"datasets", "training", "cli"},
    "datasets": {"pipeline", "training", "cli"},
    "training": {"pipeline", "cli"},  # of all else, only public names: see below
}


def sources(part: str) -> list[Path]:
    if part != "contract":
        return sorted((ROOT / part).rglob("*.py"))
    folder = ROOT / "src" / "shardmill"
    wings = [path for path in folder.iterdir() if path.is_dir() and not path.is_symlink()]
    files = [file for wing in wings if wing.name != "cli" for file in wing.rglob("*.py")]
    # The public names of every part are gathered in __init__.py, which imports them when asked.
    return files + [f for f in folder.glob("*.py") if f.name not in ("__init__.py", "__main__.py")]


def imported_modules(file: Path) -> set[str]:
    modules = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            modules |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return modules


@pytest.mark.parametrize("part", FORBIDDEN)
def test_directions_of_import(part: str) -> None:
    files = sources(part)
    assert files
    for file in files:
        for module in imported_modules(file):
            names = module.split(".")
            wrong = names[0] == "shardmill" and len(names) > 1 and names[1] in FORBIDDEN[part]
            assert not wrong, f"{file} imports {module}"


def test_training_uses_the_public_api_alone() -> None:
    # What everything may import: small modules without an idea of datasets.
    shared = {f"shardmill.{name}" for name in ("atomic", "faults", "startup", "strict", "urls")}
    for file in sources("training"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            assert not (isinstance(node, ast.Import) and "shardmill" in ast.unparse(node)), file
            if not isinstance(node, ast.ImportFrom) or not node.module:
                continue
            if node.module.startswith("shardmill.training") or node.module in shared:
                continue
            if node.module.split(".")[0] == "shardmill":
                # Public names, from the modules that they come from.
                homes = {shardmill._HOMES.get(alias.name) for alias in node.names}
                assert homes == {node.module}, f"{file}: {ast.unparse(node)}"


def test_reading_shards_imports_none_of_the_pipeline(sample_artifacts: Path) -> None:
    for name in ("titanic", "mnist", "ag_news"):
        loaded = loaded_after(
            f"import shardmill\nds = shardmill.open({str(sample_artifacts / name)!r})\n"
            f"x, y = ds[:10]\nnext(iter(ds.loader(4)))\nrepr(ds)"
        )
        assert "torch" in loaded
        assert not loaded & {"click", "pandas", "pyarrow", "rich", "filelock", "pooch", "lightning"}


def test_importing_shardmill_imports_no_library() -> None:
    loaded = loaded_after("import shardmill\ndir(shardmill)")
    assert not loaded & {"torch", "numpy", "pandas", "pyarrow", "pydantic", "click"}


@pytest.mark.skipif(
    int(pa.__version__.split(".")[0]) < 26, reason="pyarrow before 26 imports pandas more often"
)
@pytest.mark.parametrize("name", ["ag_news", "mnist", "titanic"])
def test_only_times_need_pandas(name: str, sample_raw: Path, tmp_path: Path) -> None:
    # pyarrow itself imports pandas with the first array that it makes in the usual way.
    loaded = loaded_after(built(name, sample_raw, tmp_path))
    assert "pyarrow" in loaded
    assert not loaded & {"pandas", "torch", "click"}


@pytest.mark.parametrize(
    ("name", "others"),
    [
        ("titanic", {"kinds.text", "kinds.image", "text.write_tokenizer", "raw.array_source"}),
        ("mnist", {"kinds.text", "kinds.tabular", "raw.csv.csv_source", "raw.csv.csv_chunks"}),
        ("ag_news", {"kinds.tabular", "kinds.image", "raw.array_source"}),
    ],
)
def test_a_build_imports_what_its_recipe_needs(
    name: str, others: set[str], sample_raw: Path, tmp_path: Path
) -> None:
    loaded = loaded_after(built(name, sample_raw, tmp_path))
    never = {"raw.tables.table_source", "raw.folder_source", "raw.scan_ranges", "kinds.time_zones"}
    assert not loaded & {f"shardmill.{module}" for module in others | never}


def test_to_find_nothing_to_do_needs_no_numpy(sample_raw: Path, tmp_path: Path) -> None:
    code = built("titanic", sample_raw, tmp_path)
    assert {"numpy", "pyarrow"} <= loaded_after(code)
    code += "[0].status == 'up to date' or sys.exit('it was built again')"
    assert not loaded_after(code) & {"numpy", "pyarrow", "pandas"}


def built(name: str, raw: Path, out: Path) -> str:
    """Code that builds an artifact; an expression at its end gives the outcomes."""
    return (
        "import sys\n"
        "from pathlib import Path\n"
        "from shardmill.recipe.load_recipe import load_recipe\n"
        "from shardmill.pipeline.builds.build_artifacts import BuildOptions, build_artifacts\n"
        "from shardmill.pipeline.builds.find_sources import Sources\n"
        f"sources = Sources((load_recipe({name!r}),), Path({str(raw)!r}))\n"
        f"build_artifacts(sources, BuildOptions(out=Path({str(out)!r})))"
    )


def test_type_checkers_see_the_public_names() -> None:
    tree = ast.parse((ROOT / "src" / "shardmill" / "__init__.py").read_text(encoding="utf-8"))
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    assert {alias.asname: node.module for node in imports for alias in node.names} == {
        name: shardmill._HOMES[name] for name in shardmill.__all__ if name != "__version__"
    }


def test_every_error_is_public() -> None:
    classes = [c for c in vars(errors).values() if isinstance(c, type)]
    names = {c.__name__ for c in classes if issubclass(c, errors.ShardmillError)}
    assert names <= set(shardmill.__all__)


def test_every_public_name_is_there() -> None:
    assert all(getattr(shardmill, name) is not None for name in shardmill.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'opne'"):
        shardmill.opne  # noqa: B018


def test_linked_folders_cannot_be_imported_by_their_own_names() -> None:
    # An __init__.py there would shadow Hugging Face's `datasets` for whoever runs in this folder.
    for part in ("pipeline", "datasets", "training"):
        assert not (ROOT / part / "__init__.py").exists()
        link = ROOT / "src" / "shardmill" / part
        assert link.is_symlink()
        assert not link.readlink().is_absolute()
