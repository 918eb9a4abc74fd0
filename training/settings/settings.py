"""The settings of runs.

Those of the baselines were chosen on held-out training rows, never on test rows: by
cross-validation in the train split of Titanic, on the validation split of MNIST, and on a fifth of
the train rows of AG News.
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

Metric = Literal[
    "train_loss",
    "validation_loss",
    "validation_accuracy",
    "validation_rmse",
    "validation_mae",
    "validation_r2",
]


class EarlyStopping(_Table):
    """When to stop before the last epoch.

    Attributes:
        metric: The metric that must improve. If none is named, it is the validation loss or,
            without that split, the training loss.
        patience: After how many epochs without improvement the run stops.
        min_delta: The metric counts as improved if it changes for the better by more than this.
        restore_best: Whether the run ends with the model of best.ckpt instead of the last epoch's.
    """

    metric: Metric | None = None
    patience: Count = 3
    min_delta: float = Field(default=0.0, ge=0)
    restore_best: bool = True


class Checkpoint(_Table):
    """Which checkpoints a run keeps in `checkpoints`. A new one replaces the one before.

    Attributes:
        metric: The metric that says which epoch is best; see `EarlyStopping`.
        best: Whether to keep best.ckpt, the checkpoint of the best epoch.
        last: Whether to write last.ckpt after every epoch. `--resume` goes on from it.
        every_n_steps: After how many steps to write last.ckpt as well.
        every_minutes: After how many minutes to write last.ckpt as well.
    """

    metric: Metric | None = None
    best: bool = True
    last: bool = True
    every_n_steps: Count | None = None
    every_minutes: float | None = Field(default=None, gt=0)


class Transfer(_Table):
    """What a run starts from instead of fresh weights.

    Attributes:
        model: The folder of a saved model, or its URL.
        freeze: The parts of it that do not train: `backbone`, or the names of parts below it.
        unfreeze_every: After how many epochs one more of the frozen parts trains, from the last to
            the first (gradual unfreezing, Howard and Ruder 2018).
        backbone_rate: The learning rate of the backbone, as a share of the head's.
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
        csv: A table of metrics, which is always written.
        tensorboard: Whether to write event files for TensorBoard.
        wandb: Whether to log to Weights & Biases, offline if nobody is logged in.
    """

    csv: Literal[True] = True
    tensorboard: bool = False
    wandb: bool = False


class Settings(_Table):
    """How a baseline is trained.

    Attributes:
        model: The architecture with its options.
        epochs: How many passes over the train split the run makes.
        batch_size: How many rows a batch has, on each device.
        loss: What the model is trained by: for a number, "squared" or "huber"; None for
            cross-entropy if the target is a class, and for squared loss if it is a number.
        learning_rate: The highest learning rate of the one-cycle schedule.
        weight_decay: The weight decay of AdamW.
        warmup: The share of the steps in which the learning rate goes up.
        seed: The seed of weights, order and dropout.
        deterministic: Whether to use only operations that give the same bits each time.
        precision: The precision of the computation, by Lightning's name for it.
        compile: Whether torch compiles the model.
        devices: How many devices train; without an accelerator, how many CPU processes.
        early_stopping: When to stop before the last epoch; None for never.
        transfer: What to start from; None for fresh weights.
        checkpoint: Which checkpoints are kept.
        log: Which loggers are used.
    """

    model: AnyModelOptions
    epochs: Count
    batch_size: Count
    loss: Literal["cross_entropy", "squared", "huber"] | None = None
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
        """Return the settings that the weights of a run depend on, for JSON.

        The path of the model that it started from is left out, since its checksum says more.
        """
        hidden: Any = {"checkpoint": True, "log": True, "transfer": {"model"}}
        facts = self.model_dump(mode="json", exclude=hidden)
        if self.early_stopping and self.early_stopping.restore_best:
            facts["best metric"] = self.best_metric()
        return facts


# The settings of each architecture.
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
# What differs from these if the target is a number. These were chosen by cross-validation in the
# train rows of four tables: diabetes, diamonds, Friedman's first function, fares of Titanic.
FOR_NUMBERS: Mapping[str, Mapping[str, Any]] = {
    "tabular_mlp": {"epochs": 20, "learning_rate": 5e-3, "model": {"dropout": 0.2}},
}
# The settings of each kind if no architecture is named.
BASELINES: Mapping[str, Settings] = {kind: BASES[names[0]] for kind, names in ARCHITECTURES.items()}
