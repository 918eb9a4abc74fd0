"""Settings of runs.

The baselines' were chosen on held-out training rows, never on test rows: by cross-validation in the
train splits of Titanic, on the validation split of MNIST, on a fifth of the train rows of AG News.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from shardmill.training.settings.model_options import (
    ARCHITECTURES,
    AnyModelOptions,
    ImageCnnOptions,
    ImageResnetOptions,
    TabularMlpOptions,
    TextBagOptions,
    TextTransformerOptions,
)
from shardmill.training.settings.settings_table import Count, Table as _Table

Metric = Literal["train_loss", "validation_loss", "validation_accuracy"]


class EarlyStopping(_Table):
    """When to stop before the last epoch.

    Attributes:
        metric: what must improve; the validation loss, or without that split the training loss.
        patience: epochs without improvement after which the run stops.
        min_delta: what counts as improvement is more than this.
        restore_best: the model is that of best.ckpt in the end, not that of the last epoch.
    """

    metric: Metric | None = None
    patience: Count = 3
    min_delta: float = Field(default=0.0, ge=0)
    restore_best: bool = True


class Checkpoint(_Table):
    """What is kept in `checkpoints` while a run goes on, each time in place of what was there.

    Attributes:
        metric: by which one epoch is better than another; see `EarlyStopping`.
        best: keep best.ckpt, of the best epoch.
        last: keep last.ckpt, written after every epoch; `--resume` goes on from it.
        every_n_steps: write last.ckpt after so many steps too.
        every_minutes: write last.ckpt when it is so old, too.
    """

    metric: Metric | None = None
    best: bool = True
    last: bool = True
    every_n_steps: Count | None = None
    every_minutes: float | None = Field(default=None, gt=0)


class Transfer(_Table):
    """What a run starts from in place of fresh weights.

    Attributes:
        model: folder of a saved model.
        freeze: parts of it that do not train: `backbone`, or parts below it by name.
        unfreeze_every: after so many epochs one more of the frozen parts trains, the last first
            (gradual unfreezing, Howard and Ruder 2018).
        backbone_rate: learning rate of the backbone, as a share of that of the head.
    """

    model: Annotated[str, Field(min_length=1)]
    freeze: Annotated[tuple[str, ...], Field(strict=False)] = ()
    unfreeze_every: Count | None = None
    backbone_rate: float = Field(default=1.0, gt=0, le=1)

    @model_validator(mode="after")
    def _something_thaws(self) -> Self:
        if self.unfreeze_every and not self.freeze:
            raise ValueError("unfreeze_every needs parts in freeze")
        return self


class Log(_Table):
    """Which loggers are given losses, accuracies and learning rates.

    Attributes:
        csv: a table; always there.
        tensorboard: event files for TensorBoard.
        wandb: Weights & Biases; offline where nobody is logged in.
    """

    csv: Literal[True] = True
    tensorboard: bool = False
    wandb: bool = False


class Settings(_Table):
    """How a baseline is trained.

    Attributes:
        model: its architecture, and what may be chosen of it.
        epochs: passes over the train split.
        batch_size: rows of a batch, on each device.
        learning_rate: the highest of the one-cycle schedule.
        weight_decay: of AdamW.
        warmup: share of the steps in which the learning rate goes up.
        seed: of weights, order and dropout.
        deterministic: use only operations that give the same bits each time.
        precision: of the computation, as Lightning calls it.
        compile: let torch compile the model.
        devices: how many; CPU processes where there is no accelerator.
        early_stopping: none unless given.
        transfer: none unless given.
        checkpoint: what is kept of a run while it goes on.
        log: where scalars are written.
    """

    model: AnyModelOptions
    epochs: Count
    batch_size: Count
    learning_rate: float = Field(gt=0)
    weight_decay: float = Field(default=0.01, ge=0)
    warmup: float = Field(default=0.3, gt=0, lt=1)
    seed: int = Field(default=0, ge=0, lt=2**32)
    deterministic: bool = False
    precision: Literal["32-true", "64-true", "16-mixed", "bf16-mixed", "bf16-true"] = "32-true"
    compile: bool = False
    devices: Count = 1
    early_stopping: EarlyStopping | None = None
    transfer: Transfer | None = None
    checkpoint: Checkpoint = Checkpoint()
    log: Log = Log()

    @model_validator(mode="after")
    def _best_is_kept(self) -> Self:
        if self.early_stopping and self.early_stopping.restore_best and not self.checkpoint.best:
            raise ValueError("early_stopping.restore_best needs checkpoint.best")
        return self

    @model_validator(mode="after")
    def _one_metric(self) -> Self:
        stopping, kept = self.early_stopping, self.checkpoint.metric
        if stopping and stopping.restore_best and kept and (stopping.metric or kept) != kept:
            raise ValueError(
                f"early_stopping.restore_best wants one metric, not {stopping.metric} and "
                f"{kept} in checkpoint.metric"
            )
        return self

    def to_dict(self) -> dict[str, Any]:
        """Return the settings for JSON."""
        return self.model_dump(mode="json")

    def best_metric(self) -> Metric | None:
        """Return the metric by which best.ckpt is best, if one is named."""
        stopping = self.early_stopping.metric if self.early_stopping else None
        return self.checkpoint.metric or stopping

    def that_matter(self) -> dict[str, Any]:
        """Return the settings that a run's weights depend on, for JSON.

        The path of the model that it started from is not among them: its checksum says more.
        """
        hidden: Any = {"checkpoint": True, "log": True, "transfer": {"model"}}
        facts = self.model_dump(mode="json", exclude=hidden)
        if self.early_stopping and self.early_stopping.restore_best:
            facts["best metric"] = self.best_metric()
        return facts


# By architecture.
BASES: Mapping[str, Settings] = {
    "tabular_mlp": Settings(
        model=TabularMlpOptions(), epochs=60, batch_size=64, learning_rate=1e-2
    ),
    "image_cnn": Settings(
        model=ImageCnnOptions(), epochs=3, batch_size=256, learning_rate=2e-2, weight_decay=0.05
    ),
    "image_resnet": Settings(
        model=ImageResnetOptions(), epochs=4, batch_size=256, learning_rate=2e-2, weight_decay=0.05
    ),
    "text_bag": Settings(
        model=TextBagOptions(),
        epochs=10,
        batch_size=128,
        learning_rate=2e-3,
        weight_decay=0.0,
        warmup=0.05,
    ),
    "text_transformer": Settings(
        model=TextTransformerOptions(),
        epochs=4,
        batch_size=64,
        learning_rate=1e-3,
        weight_decay=0.1,
    ),
}
# By kind: where no architecture is named.
BASELINES: Mapping[str, Settings] = {kind: BASES[names[0]] for kind, names in ARCHITECTURES.items()}
