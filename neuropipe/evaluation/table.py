"""Tables of out-of-fold predictions: checked and read into arrays.

A table has one row per predicted trial: scheme, fold, sample, y_true, y_pred and one probability per
class, `p_<class>`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from neuropipe.errors import BadInput

KEY = ["scheme", "fold", "sample"]
TOLERANCE = 1e-4  # of a row of probabilities that should sum to 1: float32 softmax over many classes stays within it


@dataclass(frozen=True)
class Predicted:
    """The predictions of one scheme, rows in time order; classes are indices into the sequence of classes.

    fold : (row,) as given; sample : (row,) int64; truth, decoded : (row,) int64; probabilities : (row, class) float64
    """

    fold: np.ndarray
    sample: np.ndarray
    truth: np.ndarray
    decoded: np.ndarray
    probabilities: np.ndarray

    @property
    def n_classes(self) -> int:
        return self.probabilities.shape[1]

    @property
    def correct(self) -> np.ndarray:
        """(row,) bool"""
        return self.truth == self.decoded


def read_predictions(predictions: pd.DataFrame, classes: Sequence) -> dict[str, Predicted]:
    """Scheme -> its checked predictions in time order, schemes in their order of appearance."""
    columns = [f"p_{name}" for name in classes]
    missing = [name for name in [*KEY, "y_true", "y_pred", *columns] if name not in predictions.columns]
    if missing:
        raise BadInput(f"the predictions have no columns {', '.join(missing)}; they have {list(predictions.columns)}")
    if len(predictions) == 0:
        raise BadInput("the predictions are empty: no trial was tested")
    twice = predictions.duplicated(KEY)
    if twice.any():
        raise BadInput(f"{int(twice.sum())} predictions are given twice, the first for {_name(predictions[twice])}")
    read = {}
    for scheme, rows in predictions.groupby("scheme", sort=False):
        rows = rows.sort_values(["sample", "fold"], kind="stable")
        truth = encode(rows["y_true"], classes, f"y_true of scheme {scheme!r}")
        decoded = encode(rows["y_pred"], classes, f"y_pred of scheme {scheme!r}")
        probabilities = check_probabilities(rows[columns].to_numpy(np.float64), len(classes), f"scheme {scheme!r}")
        check_two_classes(truth, classes, f"y_true of scheme {scheme!r}")
        read[scheme] = Predicted(
            rows["fold"].to_numpy(), rows["sample"].to_numpy(np.int64), truth, decoded, probabilities
        )
    return read


def write_predictions(scheme: str, classes: Sequence, predicted: Predicted) -> pd.DataFrame:
    """The table of one scheme; the inverse of `read_predictions`."""
    names = np.asarray(classes)
    table = {
        "scheme": scheme,
        "fold": predicted.fold,
        "sample": predicted.sample,
        "y_true": names[predicted.truth],
        "y_pred": names[predicted.decoded],
    }
    table |= {f"p_{name}": predicted.probabilities[:, column] for column, name in enumerate(classes)}
    return pd.DataFrame(table)


def encode(labels: Sequence | np.ndarray, classes: Sequence | np.ndarray, where: str) -> np.ndarray:
    """Labels -> (row,) int64 positions in `classes`; other labels are refused by name."""
    index = pd.Index(list(classes))
    if len(index) < 2:
        raise BadInput(f"{where}: classes must name at least two classes, found {list(classes)}")
    if not index.is_unique:
        raise BadInput(f"{where}: classes must be unique, found {list(classes)}")
    positions = index.get_indexer(pd.Index(np.asarray(labels)))
    if np.any(positions < 0):
        strange = pd.unique(np.asarray(labels)[positions < 0])[:5].tolist()
        raise BadInput(f"{where}: found labels {strange}, which are none of the classes {list(classes)[:10]}")
    return positions.astype(np.int64)


def check_probabilities(probabilities: np.ndarray, n_classes: int, where: str) -> np.ndarray:
    """(row, class) float64 that sum to 1; refused when not finite, negative or not summing to 1 within 1e-4.

    Rows that are off by rounding are divided by their sum; the others are left unchanged, so that ties stay ties.
    """
    probabilities = np.asarray(probabilities, np.float64)
    if probabilities.ndim != 2 or probabilities.shape[1] != n_classes:
        raise BadInput(f"{where}: probabilities must be (row, {n_classes}), found {probabilities.shape}")
    bad = ~np.isfinite(probabilities).all(1)
    if bad.any():
        raise BadInput(f"{where}: {int(bad.sum())} of {len(probabilities)} rows have probabilities that are not finite")
    total = probabilities.sum(1)
    bad = (np.abs(total - 1) > TOLERANCE) | (probabilities < 0).any(1)
    if bad.any():
        row = int(np.argmax(bad))
        raise BadInput(
            f"{where}: {int(bad.sum())} of {len(bad)} rows are not probabilities that sum to 1 "
            f"(row {row} sums to {total[row]:.6g}, its smallest is {probabilities[row].min():.6g})"
        )
    return probabilities / np.where(np.abs(total - 1) > 1e-9, total, 1)[:, None]


def check_two_classes(truth: np.ndarray, classes: Sequence, where: str) -> None:
    """Refuse labels that are empty or all the same."""
    if len(truth) == 0:
        raise BadInput(f"{where}: no label, so there is nothing to score")
    if np.all(truth == truth[0]):
        raise BadInput(f"{where}: all {len(truth)} labels are {list(classes)[truth[0]]!r}; scoring needs two classes")


def check_out_of_fold(predictions: pd.DataFrame, folds: pd.DataFrame) -> None:
    """Refuse predictions unless each test sample of each fold was predicted exactly once, and no other sample.

    Schemes of `folds` without any prediction are allowed, as a decoder may skip a scheme.
    """
    for name, table, columns in (("predictions", predictions, KEY), ("folds", folds, [*KEY, "role"])):
        missing = [column for column in columns if column not in table.columns]
        if missing:
            raise BadInput(f"the table of {name} has no columns {', '.join(missing)}")
    twice = predictions.duplicated(KEY)
    if twice.any():
        raise BadInput(f"{int(twice.sum())} predictions are given twice, the first for {_name(predictions[twice])}")
    tested = folds.loc[(folds["role"] == "test") & folds["scheme"].isin(predictions["scheme"].unique()), KEY]
    both = tested.merge(predictions[KEY], on=KEY, how="outer", indicator="found")
    leaked, unpredicted = both[both["found"] == "right_only"], both[both["found"] == "left_only"]
    if len(leaked):
        roles = leaked.head(1).merge(folds, on=KEY)["role"].tolist()
        raise BadInput(
            f"{len(leaked)} predictions are not out of fold, the first for {_name(leaked)}, whose role there is "
            f"{roles[0] if roles else 'absent'}; predict the test samples of each fold only"
        )
    if len(unpredicted):
        raise BadInput(f"{len(unpredicted)} test samples have no prediction, the first is {_name(unpredicted)}")


def _name(rows: pd.DataFrame) -> str:
    first = rows.iloc[0]
    return f"sample {first['sample']} of fold {first['fold']} of scheme {first['scheme']!r}"
