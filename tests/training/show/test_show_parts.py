"""The parts of what is shown: cells, graphs, modes, components."""

from collections.abc import Mapping
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import torch
from checkpoints import same_bits
from torch import Tensor, nn

from shardmill.training.models.baseline import Baseline
from shardmill.training.show.describe_rows import Table
from shardmill.training.show.shown_rows import as_it_was, principal_components
from shardmill.training.show.trace_model import write_graph

pytest.importorskip("tensorboard")
from shown_runs import read_events, to_html
from torch.utils.tensorboard import SummaryWriter


def test_cells_are_what_they_hold() -> None:
    cells = ("a|b", "*x* _y_ `z`", "<b>bold</b> &amp;", "two\nlines\tand tab", "[l](http://x) $y$")
    table = Table(("one", "two", "three", "four", "five"), (cells,))
    html = to_html(table.to_markdown())
    shown = [unescape(cell.split("</td>")[0]) for cell in html.split("<td>")[1:]]
    assert shown == [" ".join(cell.split()) for cell in cells]
    assert table.to_html().count("<") == table.to_html().count(">") == 2 * (1 + 2 + 10)


class Groups(nn.Module):
    """A backbone on tensors by group."""

    width = 3

    def forward(self, x: Mapping[str, Tensor]) -> Tensor:
        return torch.cat([x["a"], x["b"].float()], dim=1)


class Untraceable(Groups):
    """A backbone that a trace cannot hold."""

    def forward(self, x: Any) -> Any:
        raise NotImplementedError("no trace\nof this")


def test_graphs_of_other_models(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        "shardmill.training.models.baseline.BACKBONES", {"groups": Groups, "none": Untraceable}
    )
    x = {"a": torch.zeros(4, 2), "b": torch.zeros(4, 1, dtype=torch.int16)}
    with SummaryWriter(str(tmp_path / "a")) as writer:
        write_graph(writer, Baseline("groups", {}, 2), x)
    assert read_events(tmp_path / "a").Tags()["graph"]
    fault = "shows no graph of the model: NotImplementedError: no trace"
    with SummaryWriter(str(tmp_path / "b")) as writer, pytest.warns(UserWarning, match=fault):
        write_graph(writer, Baseline("none", {}, 2), x)
    assert capsys.readouterr().out == ""


def test_each_module_keeps_its_mode() -> None:
    model = nn.Sequential(nn.BatchNorm1d(2), nn.Sequential(nn.BatchNorm1d(2)))
    model[1].eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(InterruptedError), as_it_was(model):
        model(torch.ones(3, 2))
        raise InterruptedError
    assert [module.training for module in model.modules()] == [True, True, False, False]
    assert same_bits(before, model.state_dict())


def test_principal_components() -> None:
    torch.manual_seed(0)
    line = torch.randn(50, 1) * torch.tensor([3.0, 4.0]) + 7
    found = principal_components(line, 3)
    assert torch.allclose(found[:, 0].abs(), (line - line.mean(0)).norm(dim=1), atol=1e-4)
    assert found[:, 0].max() == found[:, 0].abs().max()
    assert torch.allclose(found[:, 1:], torch.zeros(50, 2), atol=1e-4)
    assert principal_components(torch.full((1, 5), torch.inf), 3).tolist() == [[0.0, 0.0, 0.0]]
