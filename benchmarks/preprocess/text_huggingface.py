"""Hugging Face datasets and tokenizers, as their documentation shows it."""

import re
from collections.abc import Iterator
from functools import partial
from importlib import import_module
from typing import Any

from preprocess.job import SPECIALS, Counts, Job, count_text

_BATCH = 1_000
_NOT_ALPHANUMERIC = re.compile(r"[\W_]")
_EVERY_TOKEN = 10**9  # the trainer keeps 30,000 otherwise

Batch = dict[str, list[Any]]


def _datasets() -> Any:
    # By its name as a string: the project has a folder of that name, and linters mistake it.
    return import_module("datasets")


def clean(batch: Batch) -> Batch:
    """Return the joined and cleaned texts of a batch, and its classes."""
    pairs = zip(batch["title"], batch["description"], strict=True)
    texts = [_NOT_ALPHANUMERIC.sub(" ", f"{title} {more}").lower() for title, more in pairs]
    return {"text": texts, "label": [label - 1 for label in batch["class"]]}


def encode(batch: Batch, tokenizer: Any) -> Batch:
    """Return the ids of a batch."""
    return {"ids": [one.ids for one in tokenizer.encode_batch_fast(batch["text"])]}


def build(job: Job) -> None:
    """Save texts and ids as Arrow files, and the tokenizer."""
    datasets = _datasets()
    processes = job.workers if job.workers > 1 else None
    raw = datasets.load_dataset(
        "csv",
        data_files=str(job.text),
        column_names=["class", "title", "description"],
        keep_default_na=False,
        cache_dir=str(job.scratch / "cache"),
        split="train",
    )
    options = {"batched": True, "batch_size": _BATCH, "num_proc": processes}
    texts = raw.map(clean, remove_columns=raw.column_names, **options)
    tokenizer = _train(texts)
    rows = texts.map(partial(encode, tokenizer=tokenizer), **options)
    rows.save_to_disk(str(job.out / "train"), num_proc=processes)
    tokenizer.save(str(job.out / "tokenizer.json"))


def _train(texts: Any) -> Any:
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import WhitespaceSplit
    from tokenizers.trainers import WordLevelTrainer

    tokenizer = Tokenizer(WordLevel(unk_token=SPECIALS[0]))
    tokenizer.pre_tokenizer = WhitespaceSplit()
    trainer = WordLevelTrainer(
        vocab_size=_EVERY_TOKEN, special_tokens=list(SPECIALS), show_progress=False
    )
    tokenizer.train_from_iterator(_batches(texts), trainer, length=len(texts))
    return tokenizer


def _batches(texts: Any) -> Iterator[list[str]]:
    for batch in texts.select_columns("text").iter(_BATCH):
        yield batch["text"]


def count(job: Job) -> Counts:
    """Return what was built."""
    import numpy as np
    from tokenizers import Tokenizer

    saved = _datasets().load_from_disk(str(job.out / "train"))
    column = saved.with_format("arrow")[:]["ids"]
    parts = [np.asarray(chunk.flatten()) for chunk in column.chunks]
    size = Tokenizer.from_file(str(job.out / "tokenizer.json")).get_vocab_size()
    return count_text(parts, rows=len(saved), vocabulary=size)
