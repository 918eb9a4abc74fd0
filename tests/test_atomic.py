"""Folders whose names outlive a loss of power."""

from pathlib import Path

import pytest

from shardmill import atomic
from shardmill.atomic import make_folder
from shardmill.format.artifact_lock import locked


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Path, set[str]]]:
    """Return a list of the folders that are synced from now on, with the names in them then."""
    calls: list[tuple[Path, set[str]]] = []
    monkeypatch.setattr(
        atomic, "sync", lambda path: calls.append((path, {p.name for p in path.iterdir()}))
    )
    return calls


def test_the_parent_of_each_new_folder_is_synced(
    tmp_path: Path, synced: list[tuple[Path, set[str]]]
) -> None:
    make_folder(tmp_path / "a/b")
    assert synced == [(tmp_path, {"a"}), (tmp_path / "a", {"b"})]
    make_folder(tmp_path / "a/b")
    make_folder(tmp_path / "a/c")
    assert synced[2:] == [(tmp_path / "a", {"b", "c"})]


def test_a_build_syncs_the_folder_of_a_new_artifact(
    tmp_path: Path, synced: list[tuple[Path, set[str]]]
) -> None:
    with locked(tmp_path / "artifacts/new"):
        assert (tmp_path / "artifacts", {"new"}) in synced


def test_a_folder_in_the_current_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, synced: list[tuple[Path, set[str]]]
) -> None:
    monkeypatch.chdir(tmp_path)
    make_folder(Path("a/b"))
    assert (tmp_path / "a/b").is_dir()
    assert [path for path, _ in synced] == [Path(), Path("a")]


def test_a_file_in_the_place_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("")
    for path in (tmp_path / "a", tmp_path / "a/b"):
        with pytest.raises(OSError, match="a"):
            make_folder(path)


def test_a_folder_that_may_be_written_but_not_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(atomic, "sync", refuse)
    make_folder(tmp_path / "a")
    assert (tmp_path / "a").is_dir()
