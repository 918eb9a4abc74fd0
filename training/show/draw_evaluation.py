"""Draws what `shardmill evaluate` found, with matplotlib."""

from pathlib import Path

from matplotlib.figure import Figure

from shardmill.errors import OutputError
from shardmill.training.saved.evaluate_classes import ClassEvaluation
from shardmill.training.saved.evaluate_model import Evaluation
from shardmill.training.show.draw_confusion import confusion_figure
from shardmill.training.show.draw_residuals import residuals_figure


def draw_evaluation(evaluation: Evaluation, path: Path) -> None:
    """Write a picture: the confusion matrix, or for numbers the residuals.

    The ending of its name says the format: svg, png and others.

    Raises:
        OutputError: The picture cannot be written.
    """
    try:
        _figure(evaluation).savefig(path)
    except (OSError, ValueError) as error:  # ValueError: matplotlib does not know the format
        raise OutputError(
            path,
            expected="a file that can be written, of a format such as svg or png",
            found=str(error).replace("\n", " "),
            fix="choose another file with --picture",
        ) from None


def _figure(evaluation: Evaluation) -> Figure:
    sample = " (SAMPLE DATA)" if evaluation.sample else ""
    rows = f"{evaluation.rows:,} rows{sample}"
    where = f"{Path(evaluation.artifact).name}, {evaluation.split}"
    if isinstance(evaluation, ClassEvaluation):
        names = [scores.name for scores in evaluation.classes]
        title = f"{where}: {evaluation.accuracy:.4f} of {rows}"
        return confusion_figure(evaluation.confusion, names, title)
    predicted, true = zip(*evaluation.shown, strict=True)
    title = f"{where}: R² {evaluation.r2:.4f}, {rows}"
    return residuals_figure(predicted, true, evaluation.target, title)
