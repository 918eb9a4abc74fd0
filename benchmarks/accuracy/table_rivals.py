"""Other classifiers of the same rows of a table, each grid searched by cross-validation."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from accuracy.outcome import Outcome
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import shardmill

_CATEGORIES = ("Pclass", "Sex", "Embarked")


def table_rivals(artifacts: Sequence[Path]) -> list[Outcome]:
    """Return what linear and boosted models reach on the validation split of each artifact."""
    names = shardmill.TitanicDataset(artifacts[0]).features
    codes = [names.index(name) for name in _CATEGORIES]
    encode = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), codes), remainder=StandardScaler()
    )
    linear = make_pipeline(encode, LogisticRegression(max_iter=1_000))
    boosted = HistGradientBoostingClassifier(categorical_features=codes, random_state=0)
    return [
        _search(
            "logistic regression", linear, {"logisticregression__C": [0.01, 0.1, 1.0]}, artifacts
        ),
        _search(
            "histogram gradient boosting",
            boosted,
            {"learning_rate": [0.03, 0.1], "max_leaf_nodes": [4, 8, 31]},
            artifacts,
        ),
    ]


def _search(
    name: str, model: Any, grid: dict[str, list[Any]], artifacts: Sequence[Path]
) -> Outcome:
    accuracies, seconds, chosen = [], [], []
    for artifact in artifacts:
        train, held_out = (
            shardmill.open(artifact, split).numpy() for split in ("train", "validation")
        )
        search = GridSearchCV(model, grid, cv=5)
        started = time.perf_counter()
        search.fit(train["x"], train["y"])
        seconds.append(time.perf_counter() - started)
        accuracies.append(float(search.score(held_out["x"], held_out["y"])))
        chosen.append(search.best_params_)
    return Outcome("tabular", f"{name}, grid search included", accuracies, seconds, chosen)
