"""Loaders whose epochs are dealt out among nodes."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import shardmill


@pytest.mark.parametrize("options", [{}, {"num_workers": 1}, {"prefetch": 2}])
def test_loaders_of_two_nodes_share_an_epoch_and_resume(
    sample_artifacts: Path, options: dict[str, Any]
) -> None:
    ds = shardmill.open(sample_artifacts / "titanic")
    both = shardmill.concat([ds, shardmill.open(sample_artifacts / "titanic", "validation")])
    joined = both.loader(8, shuffle="nodes", rank=0, world_size=2, nodes=2)
    assert 2 * sum(len(y) for _, y in joined) >= len(both) - 1

    def loaders(nodes: int) -> list[Any]:
        place: dict[str, Any] = {"world_size": nodes, "nodes": nodes}
        return [ds.loader(8, shuffle="nodes", rank=r, **place, **options) for r in range(nodes)]

    whole = torch.cat([x for loader in loaders(2) for x, _ in loader])
    first = loaders(2)
    begun = [iter(loader) for loader in first]
    seen = [next(rank)[0] for _ in range(3) for rank in begun]
    state = first[0].state_dict()
    assert (state["row"], state["shares"]) == (48, 2)
    rest = []
    for loader in loaders(3):
        loader.load_state_dict(state)
        rest += [x for x, _ in loader]
    again = torch.cat([*seen, *rest])
    assert torch.equal(_sorted(again), _sorted(whole))
    assert torch.equal(_sorted(whole), _sorted(ds[:][0]))


def _sorted(rows: Tensor) -> Tensor:
    return torch.tensor(sorted(map(tuple, rows.tolist())))


def test_nodes_without_their_order_are_refused(sample_artifacts: Path) -> None:
    ds = shardmill.open(sample_artifacts / "titanic")
    with pytest.raises(ValueError, match="nodes is for shuffle='nodes' and"):
        ds.loader(8, shuffle="blocks", nodes=2)
    with pytest.raises(ValueError, match="leave shuffle, weights and nodes out"):
        shardmill.mix({ds: 1.0}).loader(8, nodes=2)
