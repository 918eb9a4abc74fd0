"""Logs more of a run than scalars: graph, histograms, rows, mistakes and features."""

from collections.abc import Mapping
from typing import Any

from lightning import Callback, LightningModule, Trainer
from torch.utils.data import DataLoader

from shardmill.training.modalities.find_modality import find_modality
from shardmill.training.models.even_rows import even_rows
from shardmill.training.show.describe_rows import Table
from shardmill.training.show.display import Display
from shardmill.training.show.find_display import find_display
from shardmill.training.show.log_pages import Pages
from shardmill.training.show.shown_rows import (
    Seen,
    look_at_rows,
    principal_components,
    to_device,
)
from shardmill.training.show.trace_model import write_graph
from shardmill.training.show.write_embeddings import write_cloud, write_projector
from shardmill.training.show.write_histograms import write_histograms

_IMAGES = 24
_LINES = 12


class ShowRun(Callback):
    """Logs pictures and tables to TensorBoard and Weights & Biases, whichever a run has.

    Samples come from the train split. Mistakes, the picture of all rows (the confusion matrix, or
    for numbers the residuals) and features come from the validation split or, if there is none,
    from the train split; their tags say which. Test rows are never shown: whoever looks at them
    while making a model has no test any more. Only the first process logs, and logging does not
    change the run.

    Args:
        loaders: The loaders of labelled rows, by split.
        summary: A description of the run in Markdown.
    """

    def __init__(self, loaders: Mapping[str, DataLoader[Any]], summary: str) -> None:
        train: Any = loaders["train"].dataset
        self._train = train
        self._shown: Any = loaders.get("validation", loaders["train"]).dataset
        self._display: Display = find_display(train)
        self._summary = summary

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log a description of the run, the graph of its model, and some rows."""
        if not trainer.is_global_zero:
            return
        pages, model = Pages(trainer), _model(pl_module)
        train = self._train
        rows = even_rows(len(train), _shown(train))
        x, y = train[rows]
        truths = self._display.words(train, y)
        facts = tuple((f"{row}", truth) for row, truth in zip(rows, truths, strict=True))
        pages.show_rows("samples", train, rows, Table(("row", self._display.TRUTH), facts))
        if pages.writer is not None:
            pages.writer.add_text("run", self._summary, 0)
            write_graph(pages.writer, model, to_device(trainer, x))

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        """Log histograms after the last batch of an epoch, before gradients are dropped."""
        if trainer.is_global_zero and trainer.fit_loop.epoch_loop.batch_progress.is_last_batch:
            pages = Pages(trainer)
            if pages.writer is not None:
                write_histograms(pages.writer, _model(pl_module), pages.step)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log what the model predicts now, after the validation of the epoch."""
        if not trainer.is_global_zero:
            return
        pages, model = Pages(trainer), _model(pl_module)
        dataset, display = self._shown, self._display
        seen = look_at_rows(trainer, model, dataset, display.read)
        self._show_mistakes(pages, seen)
        name = f"{dataset.manifest.name}, {dataset.split}" + " (SAMPLE DATA)" * dataset.sample
        figure = display.picture(dataset, seen, name)
        pages.show_picture(f"{display.PICTURE}/{dataset.split}", figure)
        points, truth = principal_components(seen.features, 3), seen.truth[seen.points]
        title = f"{name}: features of {len(points):,} rows"
        tag = f"features/{dataset.split}"
        pages.show_picture(tag, display.points(dataset, points, truth, title))
        if pages.writer is not None:
            colours = display.colours(dataset, truth)
            write_cloud(pages.writer, tag, points, colours, step=pages.step)

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log the features that the projector shows."""
        pages, model = Pages(trainer), _model(pl_module)
        if trainer.is_global_zero and pages.writer is not None:
            seen = look_at_rows(trainer, model, self._shown, self._display.read)
            write_projector(pages.writer, seen, self._shown, model.backbone, step=pages.step)

    def _show_mistakes(self, pages: Pages, seen: Seen) -> None:
        dataset, display = self._shown, self._display
        places = display.mistakes(seen, _shown(dataset))
        truths = display.words(dataset, seen.truth[places])
        facts = tuple(zip(truths, display.guesses(dataset, seen, places), strict=True))
        rows = [seen.numbers[place] for place in places]
        pages.show_rows("mistakes", dataset, rows, Table(("true", "predicted"), facts))


def _shown(dataset: Any) -> int:
    return _IMAGES if find_modality(dataset.kind).PICTURES else _LINES


def _model(module: LightningModule) -> Any:
    return module.model
