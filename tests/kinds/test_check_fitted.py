"""What was learnt belongs to the recipe that it was learnt for."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from bikes import bikes_recipe, write_raw
from building import build
from preprocessors import IMAGE, LEAVES, NOTES, TEXT, fit, own_tokenizer

from shardmill.format.layout import Field
from shardmill.kinds.check_fitted import fitted_faults
from shardmill.kinds.row import Fitted
from shardmill.serve.preprocessor import Preprocessor


@pytest.fixture(scope="module")
def bikes(tmp_path_factory: pytest.TempPathFactory) -> Preprocessor:
    folder: Path = tmp_path_factory.mktemp("bikes")
    write_raw(folder, 50)
    return Preprocessor.load(build(bikes_recipe(), folder, folder / "out"))


def faults_of(preprocessor: Preprocessor, **changes: Any) -> str:
    fitted: Fitted = replace(preprocessor.fitted, **changes)
    return "; ".join(fitted_faults(preprocessor.recipe, fitted))


def test_what_was_learnt_has_no_fault(bikes: Preprocessor) -> None:
    for preprocessor in (bikes, fit(IMAGE, LEAVES)[0], fit(TEXT, NOTES)[0], own_tokenizer()):
        assert faults_of(preprocessor) == ""


@pytest.mark.parametrize(
    ("name", "facts", "fault"),
    [
        ("temperature", None, "statistics.temperature: missing"),
        ("temperature", {"fill": None}, "fill: None with missing = 'mean'"),
        ("temperature", {"fill": "mean"}, "fill: 'mean' for a column of float64"),
        ("temperature", {"fill": float("nan")}, "fill: nan"),
        ("temperature", {"divisor": None}, "offset and divisor: not those of scale"),
        ("temperature", {"divisor": 0.0}, "offset and divisor: not those of scale"),
        ("docks", {"offset": 1.0, "divisor": 2.0}, "offset and divisor: not those of scale"),
        ("docks", {"fill": 3}, "fill: 3 with missing = 'error'"),
        ("station", {"categories": None}, "categories: there if the column has them"),
        ("docks", {"categories": ("a",)}, "categories: there if the column has them"),
        ("weather", {"categories": ("<missing>", "rain", "clear")}, "not those of the recipe"),
        ("weather", {"categories": ("<missing>", "clear", "rain", "fog")}, "features and fields"),
    ],
)
def test_statistics(bikes: Preprocessor, name: str, facts: Any, fault: str) -> None:
    statistics = dict(bikes.fitted.statistics)
    if facts is None:
        del statistics[name]
    else:
        statistics[name] = statistics[name].model_copy(update=facts)
    assert fault in faults_of(bikes, statistics=statistics)


def test_fields_and_features(bikes: Preprocessor) -> None:
    fitted = bikes.fitted
    assert "features and fields" in faults_of(bikes, features=fitted.features[::-1])
    assert "features and fields" in faults_of(bikes, inputs=fitted.inputs[::-1])
    assert "must be the columns of x" in faults_of(bikes, inputs=fitted.inputs[1:])
    leaves, notes = fit(IMAGE, LEAVES)[0], fit(TEXT, NOTES)[0]
    assert "no x of kind image is ragged" in faults_of(leaves, inputs=notes.fitted.inputs)
    twice = (*leaves.fitted.inputs, Field.input("uint8", group="a"))
    assert "has an x, or a group" in faults_of(leaves, inputs=twice)


def test_vocabularies() -> None:
    leaves, notes, own = fit(IMAGE, LEAVES)[0], fit(TEXT, NOTES)[0], own_tokenizer()
    assert "vocabulary: needed" in faults_of(notes, vocab=None)
    assert "vocabulary: needed, without" in faults_of(notes, tokenizer="{}")
    assert "vocabulary: needed, with a tokenizer" in faults_of(own, tokenizer=None)
    assert "vocabulary: none without texts" in faults_of(leaves, vocab=notes.fitted.vocab)
