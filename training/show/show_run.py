"""Logs more of a run than scalars: graph, histograms, rows, mistakes and features."""

from collections.abc import Mapping
from typing import Any

from lightning import Callback, LightningModule, Trainer
from torch.utils.data import DataLoader

from shardmill.training.modalities.find_modality import find_modality
from shardmill.training.show.describe_rows import Table
from shardmill.training.show.draw_confusion import confusion_figure
from shardmill.training.show.draw_rows import points_figure
from shardmill.training.show.log_pages import Pages
from shardmill.training.show.shown_rows import (
    Seen,
    even_rows,
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

    Samples come from the train split. Mistakes, the confusion matrix and features come from the
    validation split or, if there is none, from the train split; their tags say which. Test rows
    are never shown: whoever looks at them while making a model has no test any more. Only the
    first process logs, and logging does not change the run.

    Args:
        loaders: The loaders of labelled rows, by split.
        summary: A description of the run in Markdown.
    """

    def __init__(self, loaders: Mapping[str, DataLoader[Any]], summary: str) -> None:
        self._train: Any = loaders["train"].dataset
        self._shown: Any = loaders.get("validation", loaders["train"]).dataset
        self._summary = summary

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log a description of the run, the graph of its model, and some rows."""
        if not trainer.is_global_zero:
            return
        pages, model = Pages(trainer), _model(pl_module)
        train = self._train
        rows = even_rows(len(train), _shown(train))
        x, y = train[rows]
        facts = tuple((f"{row}", train.classes[k]) for row, k in zip(rows, y.tolist(), strict=True))
        pages.show_rows("samples", train, rows, Table(("row", "class"), facts))
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
        dataset = self._shown
        seen = look_at_rows(trainer, model, dataset)
        self._show_mistakes(pages, seen)
        name = f"{dataset.manifest.name}, {dataset.split}" + " (SAMPLE DATA)" * dataset.sample
        title = f"{name}: {seen.accuracy():.4f} of {len(seen.numbers):,} rows"
        table = seen.confusion(len(dataset.classes))
        figure = confusion_figure(table, dataset.classes, title)
        pages.show_picture(f"confusion/{dataset.split}", figure)
        points, classes = principal_components(seen.features, 3), seen.truth[seen.points]
        title = f"{name}: features of {len(points):,} rows"
        tag = f"features/{dataset.split}"
        pages.show_picture(tag, points_figure(points, classes, dataset.classes, title))
        if pages.writer is not None:
            count = len(dataset.classes)
            write_cloud(pages.writer, tag, points, classes, count=count, step=pages.step)

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log the features that the projector shows."""
        pages, model = Pages(trainer), _model(pl_module)
        if trainer.is_global_zero and pages.writer is not None:
            seen = look_at_rows(trainer, model, self._shown)
            write_projector(pages.writer, seen, self._shown, model.backbone, step=pages.step)

    def _show_mistakes(self, pages: Pages, seen: Seen) -> None:
        dataset = self._shown
        places = seen.mistakes(_shown(dataset))
        truth, guess = seen.truth[places].tolist(), seen.guess[places].tolist()
        shares = seen.probability[places].tolist()
        facts = tuple(
            (dataset.classes[true], f"{dataset.classes[said]} ({share:.0%})")
            for true, said, share in zip(truth, guess, shares, strict=True)
        )
        rows = [seen.numbers[place] for place in places]
        pages.show_rows("mistakes", dataset, rows, Table(("true", "predicted"), facts))


def _shown(dataset: Any) -> int:
    return _IMAGES if find_modality(dataset.kind).PICTURES else _LINES


def _model(module: LightningModule) -> Any:
    return module.model
