"""What `shardmill evaluate` prints, character by character."""

import re
from collections.abc import Sequence

import pytest

from shardmill.cli import print_table
from shardmill.cli.print_models import CONFUSIONS, MATRIX_CLASSES, print_evaluation
from shardmill.training.saved.evaluate_classes import ClassEvaluation, ClassScores


def evaluation(names: Sequence[str], confusion: Sequence[Sequence[int]]) -> ClassEvaluation:
    rows = [sum(line) for line in confusion]
    right = sum(line[at] for at, line in enumerate(confusion))
    scores = tuple(
        ClassScores(name, 0.5, 0.25, 1 / 3, n) for name, n in zip(names, rows, strict=True)
    )
    table = tuple(map(tuple, confusion))
    return ClassEvaluation("m", "a", "test", False, sum(rows), right / sum(rows), scores, table)


def numbered(classes: int, confused: int = 0) -> ClassEvaluation:
    """Return an evaluation whose class i is taken for class i + 1 in i * `confused` rows."""
    table = [[1_000 * (i == j) for j in range(classes)] for i in range(classes)]
    for at in range(classes - 1):
        table[at][at + 1] = at * confused
    return evaluation([f"c{at}" for at in range(classes)], table)


def lines(
    found: ClassEvaluation, capsys: pytest.CaptureFixture[str], width: int = 120
) -> list[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(print_table, "line_width", lambda: width)
        print_evaluation(found)
    return capsys.readouterr().out.splitlines()


SMALL = """\
a, test: 1,239 rows
accuracy 0.9887
┏━━━━━━━━━━┳━━━━━━━━━━━┳━━━━━━━━┳━━━━━━━━┳━━━━━━━┓
┃ class    ┃ precision ┃ recall ┃ F1     ┃ rows  ┃
┡━━━━━━━━━━╇━━━━━━━━━━━╇━━━━━━━━╇━━━━━━━━╇━━━━━━━┩
│ Dead     │ 0.5000    │ 0.2500 │ 0.3333 │ 1,002 │
│ Survived │ 0.5000    │ 0.2500 │ 0.3333 │ 237   │
└──────────┴───────────┴────────┴────────┴───────┘
"""

MATRIX = """\
┏━━━━━━━━━━━━━━━━━━┳━━━━━━━┳━━━━━━━━━━┓
┃ true \\ predicted ┃ Dead  ┃ Survived ┃
┡━━━━━━━━━━━━━━━━━━╇━━━━━━━╇━━━━━━━━━━┩
│ Dead             │ 1,000 │ 2        │
│ Survived         │ 12    │ 225      │
└──────────────────┴───────┴──────────┘
"""


def test_a_matrix_that_fits(capsys: pytest.CaptureFixture[str]) -> None:
    found = evaluation(["Dead", "Survived"], [[1_000, 2], [12, 225]])
    assert lines(found, capsys, 80) == (SMALL + MATRIX).splitlines()
    assert lines(found, capsys, 50) == (SMALL + MATRIX).splitlines()


CONFUSIONS_OF_TWO = """\
┏━━━━━━━━━━┳━━━━━━━━━━━┳━━━━━━┳━━━━━━━━┓
┃          ┃           ┃      ┃ share  ┃
┃          ┃           ┃      ┃ of the ┃
┃          ┃           ┃      ┃ true   ┃
┃ true     ┃ predicted ┃ rows ┃ class  ┃
┡━━━━━━━━━━╇━━━━━━━━━━━╇━━━━━━╇━━━━━━━━┩
│ Survived │ Dead      │ 12   │ 0.0506 │
│ Dead     │ Survived  │ 2    │ 0.0020 │
└──────────┴───────────┴──────┴────────┘
2 confusions; --json or --picture show the whole matrix
"""


def test_a_matrix_that_does_not_fit(capsys: pytest.CaptureFixture[str]) -> None:
    found = evaluation(["Dead", "Survived"], [[1_000, 2], [12, 225]])
    assert lines(found, capsys, 38)[-10:] == CONFUSIONS_OF_TWO.splitlines()


TWENTY = [f"c{at}" for at in range(MATRIX_CLASSES)]


def test_above_twenty_classes_the_commonest_confusions_are_printed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    matrix = lines(numbered(MATRIX_CLASSES, 1), capsys, 1_000)
    assert re.split(r"\s*┃\s*", matrix[-MATRIX_CLASSES - 3])[1:-1] == ["true \\ predicted", *TWENTY]
    found = lines(numbered(MATRIX_CLASSES + 1, 100), capsys, 1_000)
    head = "┃ true ┃ predicted ┃ rows  ┃ share of the true class ┃"
    assert found[-CONFUSIONS - 3 : -CONFUSIONS + 1] == [
        head,
        "┡━━━━━━╇━━━━━━━━━━━╇━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━━┩",
        "│ c19  │ c20       │ 1,900 │ 0.6552                  │",
        "│ c18  │ c19       │ 1,800 │ 0.6429                  │",
    ]
    assert found[-1] == "19 confusions; --json or --picture show the whole matrix"


def test_the_rest_of_the_confusions_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    found = lines(numbered(40, 100), capsys, 80)
    assert len(found) == 2 + 44 + (CONFUSIONS + 4) + 1
    assert found[-3] == "│ c19  │ c20       │ 1,900 │ 0.6552                  │"
    assert found[-1] == (
        "the 20 commonest of 38 confusions; --json or --picture show the whole matrix"
    )


def test_no_confusion_at_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert lines(numbered(30), capsys)[-2:] == [
        "└───────┴───────────┴────────┴────────┴───────┘",
        "0 confusions; --json or --picture show the whole matrix",
    ]
