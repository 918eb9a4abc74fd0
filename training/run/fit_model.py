"""Runs Lightning's Trainer as the settings of a run say."""

import logging
import signal
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lightning import Trainer
from lightning.fabric.plugins.environments.torchelastic import TorchElasticEnvironment
from torch.utils.data import DataLoader

from shardmill.errors import DivergedError
from shardmill.training.objectives.measures import MEASURES, Task
from shardmill.training.run.callbacks import Memory, PatientStopping, WholeFiles, make_callbacks
from shardmill.training.run.learner import Learner
from shardmill.training.run.ranks import launched_ranks
from shardmill.training.run.report_epochs import Report, make_reporters, report_nothing_left
from shardmill.training.settings.settings import Metric, Settings
from shardmill.training.show.describe_run import describe_run
from shardmill.training.show.loggers import make_loggers


@dataclass(frozen=True, slots=True)
class RunPlan:
    """How a run will be made.

    Attributes:
        settings: The settings of the run.
        task: What the model is to tell.
        folder: The folder of the run.
        default: The metric of early stopping and checkpoints if the settings name none.
        memory: What the checkpoints hold beside Lightning's own state.
        configuration: Facts for the loggers.
        report: How progress is reported.
        resume: Whether to go on from the last checkpoint.
    """

    settings: Settings
    task: Task
    folder: Path
    default: Metric
    memory: Memory
    configuration: Mapping[str, Any]
    report: Report
    resume: bool

    @property
    def checkpoints(self) -> Path:
        """The folder of the checkpoints."""
        return self.folder / "checkpoints"


@dataclass(frozen=True, slots=True)
class FitResult:
    """What came of a run.

    Attributes:
        metrics: Losses and other metrics, each by its name with its split.
        epochs: How many epochs were trained.
        stopped: Why the run stopped early; None if it did not.
    """

    metrics: dict[str, float]
    epochs: int
    stopped: str | None


def fit_model(module: Learner, loaders: Mapping[str, DataLoader[Any]], plan: RunPlan) -> FitResult:
    """Train `module` in place, and evaluate it.

    Args:
        module: The model with its loss. If the run is resumed, its weights do not matter.
        loaders: The loaders by split: "train", and "validation" and "test" if there are any.
        plan: How the run is made.

    Raises:
        DivergedError: A loss or weight is not finite. A note says where the last checkpoint is.
        AgreementError: Ranks read different artifacts, or start from different models.
        KeyboardInterrupt: Ctrl-C was pressed. The checkpoints stay as they are.
    """
    _quieten_lightning()
    last = plan.checkpoints / "last.ckpt"
    if plan.settings.compile:
        module.model.compile()
    with _determinism_as_before():
        trainer = _make_trainer(plan, loaders)
        try:
            with _interruptible():
                trainer.fit(
                    module,
                    loaders["train"],
                    loaders.get("validation"),
                    ckpt_path=str(last) if plan.resume else None,
                )
        except DivergedError as error:
            if last.exists():
                error.add_note(f"the run was stopped; its last good checkpoint is {last}")
            raise
        if not plan.memory.began:
            report_nothing_left(plan.report)
        if plan.settings.early_stopping and plan.settings.early_stopping.restore_best:
            _restore_best(trainer, module, plan)
        metrics = dict(plan.memory.metrics)
        if "test" in loaders:
            trainer.test(module, loaders["test"], verbose=False)
            found = trainer.callback_metrics.items()
            metrics |= {name: float(value) for name, value in found if name.startswith("test_")}
    stopping = trainer.early_stopping_callback
    stopped = stopping.why() if isinstance(stopping, PatientStopping) else None
    return FitResult(metrics, trainer.current_epoch, stopped)


def _make_trainer(plan: RunPlan, loaders: Mapping[str, DataLoader[Any]]) -> Trainer:
    settings = plan.settings
    batches = len(loaders["train"])
    name = plan.memory.facts["artifact"]
    loggers = make_loggers(settings.log, plan.folder / "logs", name, resume=plan.resume)
    for logger in loggers:
        logger.log_hyperparams(dict(plan.configuration))
    callbacks = make_callbacks(settings, plan.checkpoints, default=plan.default, memory=plan.memory)
    callbacks += make_reporters(plan.report, MEASURES[plan.task].told)
    if settings.log.tensorboard or settings.log.wandb:
        from shardmill.training.show.show_run import ShowRun  # loads matplotlib and TensorBoard

        summary = describe_run(plan.configuration, loaders, plan.folder)
        callbacks.append(ShowRun(loaders, summary))
    return Trainer(
        **_make_places(settings),
        max_epochs=settings.epochs,
        precision=settings.precision,
        deterministic=settings.deterministic or None,
        logger=loggers,
        log_every_n_steps=max(min(10, batches // settings.devices), 1),
        callbacks=callbacks,
        default_root_dir=plan.folder,
        enable_checkpointing=settings.checkpoint.best or settings.checkpoint.last,
        enable_model_summary=False,
        enable_progress_bar=plan.report == "bar",
        num_sanity_val_steps=0,
        use_distributed_sampler=False,  # the loaders divide the rows themselves
    )


def _make_places(settings: Settings) -> dict[str, Any]:
    # If there is a GPU, Lightning takes it.
    ranks = launched_ranks()
    if ranks is None or ranks.world_size == 1:
        return {"devices": 1, "plugins": [WholeFiles()]}
    # Parameters that thaw later have no gradients at first.
    thaws = settings.transfer is not None and settings.transfer.unfreeze_every is not None
    return {
        "devices": ranks.local,
        "num_nodes": ranks.nodes,
        "strategy": "ddp_find_unused_parameters_true" if thaws else "ddp",
        "plugins": [WholeFiles(), TorchElasticEnvironment()],
    }


def _restore_best(trainer: Trainer, module: Learner, plan: RunPlan) -> None:
    path, best = plan.checkpoints / "best.ckpt", None
    # The file lies on the machine of the first rank. There is none if no metric was a number.
    if trainer.is_global_zero and path.exists():
        best = torch.load(path, map_location="cpu", weights_only=True)
    best = trainer.strategy.broadcast(best)
    if best is not None:
        module.load_state_dict(best["state_dict"])
        plan.memory.load_state_dict(best["callbacks"]["Memory"])


@contextmanager
def _determinism_as_before() -> Iterator[None]:
    # Lightning leaves torch in the mode that a run asked for, so it is put back here.
    before = torch.are_deterministic_algorithms_enabled()
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)


@contextmanager
def _interruptible() -> Iterator[None]:
    # Lightning turns Ctrl-C into an exit and then ignores the signal. Both are undone here.
    handler = signal.getsignal(signal.SIGINT)
    try:
        yield
    except SystemExit as error:
        if isinstance(error.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from None
        raise
    finally:
        if signal.getsignal(signal.SIGINT) is signal.SIG_IGN is not handler:
            signal.signal(signal.SIGINT, handler)


def _quieten_lightning() -> None:
    # Lightning lists the hardware and advises workers, which these loaders do better without.
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    for message in (
        ".*does not have many workers.*",
        ".*no `val_dataloader`.*",
        ".*exists and is not empty.*",
        ".*in eval mode at the start of training.*",  # what is frozen
        ".*callbacks used to create the checkpoint need to be provided.*",
    ):
        warnings.filterwarnings("ignore", message=message)
    warnings.filterwarnings("ignore", category=FutureWarning, module="lightning.*")
    warnings.filterwarnings("ignore", category=DeprecationWarning, module="lightning.*")
