"""Ranks and nodes: as given, or as the launcher says."""

import pytest

from shardmill.datasets.order.ranks import node_count

# nodes, world_size, LOCAL_WORLD_SIZE, GROUP_WORLD_SIZE, the number of nodes or the error
LAUNCHED: list[tuple[int | None, int, str, str, int | str]] = [
    (None, 1, "", "", 1),
    (2, 4, "", "", 2),
    (4, 4, "2", "2", 4),
    (None, 4, "2", "2", 2),
    (None, 4, "2", "", 2),
    (None, 4, "4", "1", 1),
    (None, 4, "", "", "LOCAL_WORLD_SIZE does not say how many of them"),
    (None, 4, "0", "", "LOCAL_WORLD_SIZE does not say how many of them"),
    (None, 8, "2", "3", "nodes must run equally many ranks, and this one runs 2 of 8"),
    (None, 4, "3", "", "nodes must run equally many ranks, and this one runs 3 of 4"),
    (None, 4, "8", "", "nodes must run equally many ranks, and this one runs 8 of 4"),
    (3, 4, "", "", "4 ranks cannot be divided evenly among 3 nodes"),
    (0, 4, "", "", "4 ranks cannot be divided evenly among 0 nodes"),
]


@pytest.mark.parametrize(("nodes", "world_size", "local", "groups", "expected"), LAUNCHED)
def test_nodes_are_given_or_those_of_the_launcher(
    nodes: int | None,
    world_size: int,
    local: str,
    groups: str,
    expected: int | str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in (("LOCAL_WORLD_SIZE", local), ("GROUP_WORLD_SIZE", groups)):
        if value:
            monkeypatch.setenv(name, value)
        else:
            monkeypatch.delenv(name, raising=False)
    if isinstance(expected, int):
        assert node_count(nodes, world_size) == expected
    else:
        with pytest.raises(ValueError, match=expected):
            node_count(nodes, world_size)
