"""Logs pictures and tables to the loggers that can show them."""

from collections.abc import Sequence
from typing import Any

from lightning import Trainer
from lightning.pytorch.loggers import TensorBoardLogger, WandbLogger
from matplotlib.figure import Figure
from torch.utils.tensorboard import SummaryWriter

from shardmill.datasets.dataset import ShardDataset
from shardmill.training.modalities.find_modality import find_modality
from shardmill.training.show.describe_rows import Table, beside, describe_rows
from shardmill.training.show.draw_rows import image_figure, to_pixels


class Pages:
    """Logs to TensorBoard and Weights & Biases at the present step of a run.

    Attributes:
        step: The last step that was made, as Lightning counts it for scalars.
        writer: The writer of TensorBoard's files; None if the run has none.
    """

    def __init__(self, trainer: Trainer) -> None:
        boards = [logger for logger in trainer.loggers if isinstance(logger, TensorBoardLogger)]
        self.step: int = max(trainer.global_step - 1, 0)
        self.writer: SummaryWriter | None = boards[0].experiment if boards else None
        self._wandb = [logger for logger in trainer.loggers if isinstance(logger, WandbLogger)]

    def show_picture(self, tag: str, figure: Figure) -> None:
        """Show a picture."""
        pixels = to_pixels(figure)
        if self.writer is not None:
            self.writer.add_image(tag, pixels, self.step, dataformats="HWC")
        for logger in self._wandb:
            logger.log_image(tag, [pixels], step=self.step)

    def show_table(self, tag: str, table: Table) -> None:
        """Show a table."""
        if self.writer is not None:
            self.writer.add_text(tag, table.to_markdown(), self.step)
        for logger in self._wandb:
            from wandb import Html  # its own tables would become an artifact each time

            shown: Any = {tag: Html(table.to_html(), inject=False)}
            logger.log_metrics(shown, self.step)

    def show_rows(
        self, what: str, dataset: ShardDataset, rows: Sequence[int], facts: Table
    ) -> None:
        """Show rows of a split with facts about each: images as a picture, others as a table.

        Args:
            what: What the rows are, such as "mistakes". The tag is this and the split.
            dataset: The dataset of the split.
            rows: The numbers of the rows [n].
            facts: A few words about each of the n rows.
        """
        tag = f"{what}/{dataset.split}"
        if not find_modality(dataset.kind).PICTURES:
            described = describe_rows(dataset, dataset[list(rows)][0])
            self.show_table(tag, beside(facts, described))
            return
        captions = [
            "\n".join(f"{name} {fact}" for name, fact in zip(facts.headings, row, strict=True))
            for row in facts.rows
        ]
        title = f"{dataset.manifest.name}: {len(rows)} {what} of {dataset.split}"
        self.show_picture(tag, image_figure(dataset[list(rows)][0], captions, title))
