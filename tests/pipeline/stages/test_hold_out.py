"""The draw of a hold-out depends on the seed and the order of the labels, on nothing else."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings, strategies as st

from shardmill.pipeline.stages.hold_out import HoldOutDraw, hold_out_draws
from shardmill.recipe.load_recipe import parse_recipe
from shardmill.recipe.splits import HoldOut

Labels = npt.NDArray[np.int64]
LABELS = st.lists(st.integers(0, 3), max_size=120).map(lambda n: np.array(n, np.int64))
FRACTIONS = st.sampled_from([0.001, 0.1, 0.125, 0.2, 0.3, 1 / 3, 0.499, 0.5])


def options(fraction: float = 0.2, *, stratify: bool = True, seed: int = 0) -> HoldOut:
    return HoldOut(split="train", fraction=fraction, stratify=stratify, seed=seed)


def draw(
    hold_out: HoldOut, labels: Labels, cuts: list[int] | None = None, part: int = 0
) -> list[bool]:
    drawn = HoldOutDraw(hold_out, part=part)
    batches = np.split(labels, sorted(cuts or []))
    return [bool(row) for batch in batches for row in drawn.draw(batch)]


@settings(max_examples=60, deadline=None)
@given(
    labels=LABELS,
    cuts=st.lists(st.integers(0, 120), max_size=8),
    fraction=FRACTIONS,
    stratify=st.booleans(),
)
def test_any_batches_draw_the_same_rows(
    labels: Labels, cuts: list[int], fraction: float, stratify: bool
) -> None:
    hold_out = options(fraction, stratify=stratify)
    assert draw(hold_out, labels, cuts) == draw(hold_out, labels)


@settings(max_examples=60, deadline=None)
@given(labels=LABELS, fraction=FRACTIONS, seed=st.integers(0, 2**32), part=st.integers(0, 2**16))
def test_each_class_of_a_part_gives_up_its_share_within_one_block(
    labels: Labels, fraction: float, seed: int, part: int
) -> None:
    hold_out = options(fraction, seed=seed)
    held_out = np.array(draw(hold_out, labels, part=part), bool)
    n, d = hold_out.ratio().numerator, hold_out.ratio().denominator
    for label in np.unique(labels):
        of_class = held_out[labels == label]
        whole = len(of_class) // d
        assert of_class[: whole * d].reshape(whole, d).sum(axis=1).tolist() == [n] * whole
        assert of_class[whole * d :].sum() <= n


@settings(max_examples=30, deadline=None)
@given(labels=LABELS, fraction=FRACTIONS)
def test_unstratified_takes_the_rows_as_one_class(labels: Labels, fraction: float) -> None:
    hold_out = options(fraction, stratify=False)
    assert draw(hold_out, labels) == draw(hold_out, np.zeros_like(labels))


@pytest.mark.parametrize("stratify", [True, False])
def test_another_seed_draws_other_rows(stratify: bool) -> None:
    labels = np.arange(1000) % 3
    one, other = (draw(options(seed=seed, stratify=stratify), labels) for seed in (0, 1))
    assert one != other
    assert draw(options(seed=0, stratify=stratify), labels) == one


def test_parts_are_drawn_apart() -> None:
    labels = np.zeros(1000, np.int64)
    assert draw(options(), labels, part=0) != draw(options(), labels, part=1)


RECIPE = """
name = "toy"
kind = "text"
target = { column = "y", classes = ["no", "yes"] }
splits.train.csv.path = "train.csv"
splits.validation.hold_out = { split = "train", fraction = 0.25, seed = 1 }
splits.test.hold_out = { split = "train", fraction = 0.5, seed = 2 }
splits.other.csv.path = "other.csv"
text = { columns = ["y", "x"], join = ["x"] }
"""


@pytest.mark.parametrize("part", [0, 3])
def test_a_second_hold_out_draws_from_what_the_first_one_left(part: int) -> None:
    recipe = parse_recipe(RECIPE, where="here")
    draws = hold_out_draws(recipe, "train", part)
    assert list(draws) == ["validation", "test"]
    assert hold_out_draws(recipe, "other", part) == {}
    labels = np.zeros(1200, np.int64)
    left = labels[~draws["validation"].draw(labels)]
    assert len(left) == 900
    assert draws["test"].draw(left).sum() == 600  # half of all rows
    for name, draw in hold_out_draws(recipe, "train", part).items():
        again = hold_out_draws(recipe, "train", part)[name]
        assert draw.draw(labels).tolist() == again.draw(labels).tolist()


def test_classes_are_drawn_apart() -> None:
    assert draw(options(), np.zeros(1000, np.int64)) != draw(options(), np.ones(1000, np.int64))


def test_rows_are_drawn_at_random_places() -> None:
    places = np.flatnonzero(draw(options(0.1), np.zeros(1000, np.int64))) % 10
    assert set(places.tolist()) == set(range(10))  # 100 blocks miss one place once in 4,000 seeds


def test_the_draw_is_what_it_was() -> None:
    # Every artifact with a hold-out depends on it.
    found = np.flatnonzero(draw(options(0.25), np.arange(24) % 2)).tolist()
    assert found == [2, 3, 14, 15, 20, 21]
