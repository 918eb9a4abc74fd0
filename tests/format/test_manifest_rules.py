"""Manifests: paths, and rows that add up."""

from pathlib import Path
from typing import Any

import pytest
from manifests import load_changed, train_of

from shardmill.errors import ManifestError
from shardmill.format.layout import Field
from shardmill.format.manifest_rules import target_faults


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "../shard",
        "g1/../../shard",
        "g1/..",
        ".",
        "./shard",
        "g1//shard",
        "g1/",
        "",
        # Windows
        "g1\\shard",
        "..\\shard",
        "C:",
        "C:/shard",
        "C:shard",
    ],
)
def test_paths_outside_the_artifact(tmp_path: Path, path: str) -> None:
    match = "must be relative, with forward slashes, and stay inside the artifact"
    with pytest.raises(ManifestError, match=rf"shards\.0\.path: .*{match}"):
        load_changed(tmp_path, lambda m: train_of(m)["shards"][0].update(path=path))
    with pytest.raises(ManifestError, match=rf"vocabulary\.vocab\.path: .*{match}"):
        load_changed(tmp_path, lambda m: m["vocabulary"]["vocab"].update(path=path))


@pytest.mark.parametrize("path", ["shard", "g1/shard", "g1/..shard", "g1/.hidden", "ä b/shard"])
def test_paths_inside_the_artifact(tmp_path: Path, path: str) -> None:
    loaded = load_changed(tmp_path, lambda m: train_of(m)["shards"][0].update(path=path))
    assert loaded.splits["train"].shards[0].path == path


ADD_UP = "the shards hold {} rows, not {}"


EVEN = "only the last shard may hold another number of rows than the others"


@pytest.mark.parametrize(
    ("rows", "shard_rows", "fault"),
    [
        (9_001, (4_096, 4_096, 808), ADD_UP.format("9,000", "9,001")),
        (8_999, (4_096, 4_096, 808), ADD_UP.format("9,000", "8,999")),
        # the short shard is not the last
        (9_000, (4_096, 808, 4_096), EVEN),
        # longer than rows_per_shard, in the middle or at the end
        (9_000, (4_095, 4_097, 808), EVEN),
        (8_194, (4_096, 4_098), EVEN),
        (5_000, (5_000,), EVEN),
    ],
)
def test_rows_that_do_not_add_up(
    tmp_path: Path, rows: int, shard_rows: tuple[int, ...], fault: str
) -> None:
    def change(manifest: Any) -> None:
        train = train_of(manifest)
        shard = train["shards"][0]
        train["rows"] = rows
        train["shards"] = [{**shard, "rows": n} for n in shard_rows]

    with pytest.raises(ManifestError, match=rf"splits\.train: .*{fault}"):
        load_changed(tmp_path, change)


@pytest.mark.parametrize("shard_rows", [(), (1,), (4_096,), (4_096, 4_096), (4_096, 1)])
def test_rows_that_add_up(tmp_path: Path, shard_rows: tuple[int, ...]) -> None:
    def change(manifest: Any) -> None:
        train = train_of(manifest)
        shard = train["shards"][0]
        train["rows"] = sum(shard_rows)
        counts = [{"rows": n, "values": {"x": 10 * n}, "longest": {"x": 10}} for n in shard_rows]
        train["shards"] = [shard | of_shard for of_shard in counts]

    split = load_changed(tmp_path, change).splits["train"]
    assert tuple(shard.rows for shard in split.shards) == shard_rows


def make_table(manifest: Any) -> None:
    """Turn the manifest of a text artifact into that of a table with two features."""
    field = {"dtype": "float32", "group": None, "ragged": False, "role": "input", "name": "x"}
    split = train_of(manifest)
    split.update(rows=0, shards=[], fields=[{**field, "shape": [2]}, split["fields"][1]])
    columns = [{"name": "a"}, {"name": "b", "map": {"x": 0}}]
    recipe = {"columns": columns, "target": {"column": "c", "classes": ["n", "y"]}}
    manifest.update(kind="tabular", vocabulary=None, features=["a", "b"], recipe=recipe)


def put(path: str, value: Any) -> Any:
    """Return a change that puts a value at a path of keys and positions."""

    def change(manifest: Any) -> None:
        *above, last = [int(key) if key.isdigit() else key for key in path.split("/")]
        for key in above:
            manifest = manifest[key]
        manifest[last] = value

    return change


FIELDS = "splits/train/fields"


@pytest.mark.parametrize(
    ("path", "value", "fault"),
    [
        ("kind", "image", "vocabulary: texts have one"),
        ("vocabulary", None, "vocabulary: texts have one"),
        ("splits", {}, "splits: a split called train is needed"),
        (f"{FIELDS}/0/ragged", False, "must count the values of each ragged field"),
        (f"{FIELDS}/0/dtype", "float32", "each x of kind text is a ragged vector of ids"),
        (f"{FIELDS}/0/shape", [1], "no tensor has this shape"),
        (f"{FIELDS}/1/shape", [2**40, 2**40], "no tensor has this shape"),
        (f"{FIELDS}/1/shape", [1] * 32, "no tensor has this shape"),
        (f"{FIELDS}/1/shape", [2], "field y: a class is a whole number"),
        (f"{FIELDS}/1/dtype", "float32", "field y: a class is a whole number"),
        (f"{FIELDS}/1/ragged", True, "must count the values of each ragged field"),
        ("splits/train/labelled", False, "labelled: false, and the split has 1 targets"),
        ("classes", None, "field y: a class needs the names of the classes"),
        ("splits/train/shards/0/rows", 2**63, "less than 9223372036854775808"),
        ("splits/train/shards/0/longest", {"x": 2**62}, "do not hold 40,960"),
        ("splits/train/shards/0/longest", {"x": 1}, "4,096 rows of at most 1 values do not hold"),
        ("splits/train/rows_per_shard", 2**64, "less than"),
        ("vocabulary/tokens", 0, "greater than or equal to 1"),
        ("statistics/a/offset", 1.0, r"statistics\.a: needs both offset and divisor"),
    ],
)
def test_what_a_text_artifact_needs(tmp_path: Path, path: str, value: Any, fault: str) -> None:
    with pytest.raises(ManifestError, match=fault):
        load_changed(tmp_path, put(path, value))


@pytest.mark.parametrize(
    ("path", "value", "fault"),
    [
        ("features", ["a"], "the 1 features must be the columns of x"),
        (f"{FIELDS}/0/shape", [2, 1], "the 2 features must be the columns of x"),
        (f"{FIELDS}/0/name", "y", "no field of role input is called so"),
        ("recipe/columns", {"a": {}}, r"recipe\.columns: must be tables, each with a name"),
        ("recipe/columns/1", {"nam": "b"}, r"recipe\.columns: must be tables, each with a name"),
        ("recipe/columns/1/map", 7, r"recipe\.columns: must be tables, each with a name"),
        ("recipe/target", 1, r"recipe\.target: must be a table"),
        ("recipe/target/classes", [1], r"recipe\.target: must be a table"),
        ("recipe/targets", [{"classes": ["a"]}], r"recipe\.targets: must be tables"),
        ("recipe", {"columns": [{"name": "a"}]}, "recipe: must have a target or targets"),
    ],
)
def test_what_a_table_needs(tmp_path: Path, path: str, value: Any, fault: str) -> None:
    def change(manifest: Any) -> None:
        make_table(manifest)
        put(path, value)(manifest)

    assert load_changed(tmp_path, make_table).features == ("a", "b")
    with pytest.raises(ManifestError, match=fault):
        load_changed(tmp_path, change)


@pytest.mark.parametrize(
    ("groups", "fault"),
    [(("a", "b"), ""), ((None, "b"), "has an x, or a group"), (("a", "a"), "the same name")],
)
def test_groups_of_a_table(tmp_path: Path, groups: tuple[str | None, ...], fault: str) -> None:
    def change(manifest: Any) -> None:
        make_table(manifest)
        x, y = train_of(manifest)["fields"]
        names = ["x" if group is None else f"x.{group}" for group in groups]
        named = zip(groups, names, strict=True)
        xs = [{**x, "group": group, "name": name, "shape": [1]} for group, name in named]
        train_of(manifest)["fields"] = [*xs, y]

    if fault:
        with pytest.raises(ManifestError, match=fault):
            load_changed(tmp_path, change)
    else:
        assert len(load_changed(tmp_path, change).splits["train"].fields) == 3


def test_classes_beside_several_targets() -> None:
    fields = [Field.target("class", "uint8", group=name) for name in ("a", "b")]
    assert list(target_faults(fields, labelled=True, classes=None)) == []
    (fault,) = target_faults(fields, labelled=True, classes=["no", "yes"])
    assert fault == "fields: classes is null where there are several targets"
