"""Eight categories from the BOLD of Haxby's slice, a run left out at a time: our decoders beside plain scikit-learn."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from benchmarks.artifacts import current, evaluation_of, make
from benchmarks.results import Result
from neuropipe.schemas.binned import Binned
from resources.store.pipeline import Pipeline
from resources.store.plan import Planner

SESSION = "haxby-slice.1"
SCHEME = "leave_one_block_out"
DECODERS = ("lda", "rate_logistic", "logistic_regression", "xgboost", "knn")
CHANCE = "96 blocks; chance .125"


def measure(pipeline: Pipeline) -> Iterator[Result]:
    session = pipeline.workspace.catalog.session(SESSION)
    make(pipeline, [session], [evaluation_of(name) for name in DECODERS])
    planner = Planner(pipeline)
    for name in DECODERS:
        scores = current(planner, evaluation_of(name), session).table("scores").set_index(["scheme", "metric"])
        row = scores.loc[(SCHEME, "accuracy")]
        note = f"{CHANCE}; p = {row['p_value']:.2g} against labels moved in time"
        command = f"neuropipe run {evaluation_of(name)} --session {SESSION}"
        yield Result(
            f"Haxby, accuracy: {name}", row["value"], row["ci_low"], row["ci_high"], command=command, note=note
        )
    binned = Binned.read(current(planner, "binned", session))
    folds = current(planner, "folds", session).table("folds")
    volumes, labels = np.asarray(binned.activity[:]).mean(axis=1), np.asarray(binned.labels[:])
    for name, plain in _plain().items():
        right = np.zeros(len(labels), bool)
        for _, split in folds[folds["scheme"] == SCHEME].groupby("fold"):
            train, test = (split.loc[split["role"] == role, "sample"].to_numpy() for role in ("train", "test"))
            right[test] = plain().fit(volumes[train], labels[train]).predict(volumes[test]) == labels[test]
        note = f"{CHANCE}; mean of the 9 volumes of a block"
        command = "make results TOPIC=voltage"
        yield Result(f"Haxby, accuracy: scikit-learn, {name}", float(right.mean()), command=command, note=note)


def _plain() -> dict[str, Callable[[], Any]]:
    """Decoders as scikit-learn's users write them down, by that text."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC, LinearSVC

    def scaled(estimator: Callable[[], Any]) -> Callable[[], Any]:
        return lambda: make_pipeline(StandardScaler(), estimator())

    return {
        "LinearSVC()": scaled(lambda: LinearSVC()),
        "LogisticRegression(C=1)": scaled(lambda: LogisticRegression(C=1, max_iter=2000)),
        'SVC(kernel="linear")': scaled(lambda: SVC(kernel="linear")),
        'LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")': scaled(
            lambda: LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
        ),
    }
