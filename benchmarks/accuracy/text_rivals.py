"""Other classifiers of the same cleaned texts, with what held-out training rows chose for them."""

import time
from itertools import product
from pathlib import Path
from typing import Any

import fasttext
import numpy as np
import pyarrow.parquet as pq
from accuracy.outcome import Outcome
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline

Rows = tuple[list[str], list[int]]


def linear_on_tfidf(artifact: Path) -> Outcome:
    """Train logistic regression on TF-IDF; its grid is searched by threefold cross-validation."""
    train, test = _rows(artifact, "train"), _rows(artifact, "test")
    model = make_pipeline(TfidfVectorizer(sublinear_tf=True), LogisticRegression(max_iter=1_000))
    grid = {
        "tfidfvectorizer__ngram_range": [(1, 1), (1, 2)],
        "logisticregression__C": [1.0, 10.0],
    }
    search = GridSearchCV(model, grid, cv=3).fit(*train)
    accuracy = float(search.score(*test))
    name = "TF-IDF, logistic regression"
    return Outcome("text", name, [accuracy], [search.refit_time_], [search.best_params_])


def fast_text(artifact: Path, out: Path, *, seeds: range) -> Outcome:
    """Train fastText on words and bigrams; its grid is searched on a fifth of the train rows."""
    train, test = _rows(artifact, "train"), _rows(artifact, "test")
    parts = train_test_split(*train, test_size=0.2, random_state=0, stratify=train[1])
    most, held_out = (parts[0], parts[2]), (parts[1], parts[3])
    grid = [{"lr": lr, "epoch": n} for lr, n in product((0.1, 0.3, 1.0), (5, 10, 25))]
    found = [_accuracy(_train(most, out, seed=0, **options), held_out) for options in grid]
    best = grid[int(np.argmax(found))]
    accuracies, seconds = [], []
    for seed in seeds:
        started = time.perf_counter()
        model = _train(train, out, seed=seed, **best)
        seconds.append(time.perf_counter() - started)
        accuracies.append(_accuracy(model, test))
    return Outcome("text", "fastText, wordNgrams=2", accuracies, seconds, [best])


def _train(rows: Rows, out: Path, *, seed: int, **options: Any) -> Any:
    file = out / "fasttext.txt"
    lines = (f"__label__{label} {text}\n" for text, label in zip(*rows, strict=True))
    file.write_text("".join(lines), encoding="utf-8")
    # One thread: with more, the same seed gives another model each time.
    given = {"wordNgrams": 2, "thread": 1, "verbose": 0}
    return fasttext.train_supervised(str(file), seed=seed, **given, **options)


def _accuracy(model: Any, rows: Rows) -> float:
    labels, _ = model.predict(rows[0])
    pairs = zip(labels, rows[1], strict=True)
    right = [bool(found[0] == f"__label__{true}") for found, true in pairs]
    return sum(right) / len(right)


def _rows(artifact: Path, split: str) -> Rows:
    """Return the texts as shardmill has cleaned them, and their classes."""
    (file,) = artifact.glob(f"*/{split}-*.parquet")
    table = pq.read_table(file)
    return table.column("text").to_pylist(), table.column("label").to_pylist()
