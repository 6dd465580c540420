"""Which training data sets are like the traces to be deconvolved, told from dF/F alone.

Indicators, cells and microscopes show in a trace's own statistics: how long it remembers, the colour of its noise, how
steeply it climbs. A logistic regression learns to tell the training data sets apart by them, and is asked of the traces
to be deconvolved where it would put them.
"""

import numpy as np

LAGS = (1, 2, 4, 8, 16, 32, 64)  # samples
STEP_LAGS = (1, 2, 3, 5, 8)
CLIMB = 8  # samples
STRENGTH = 0.1  # inverse regularisation


def traits(traces: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """(roi, trait) of traces (time, roi) at the networks' rate and their noise (roi,); their scale doesn't matter.

    Autocorrelation of the trace and of its steps from sample to sample; size in units of noise (log); skewness of the
    steps, and of the change over 8 samples
    """
    centred = traces - traces.mean(0)
    steps, climbs = np.diff(traces, axis=0), traces[CLIMB:] - traces[:-CLIMB]
    found = [
        *(_autocorrelation(centred, lag) for lag in LAGS),
        *(_autocorrelation(steps, lag) for lag in STEP_LAGS),
        np.log(np.maximum(traces.std(0), noise) / noise),
        _skewness(steps),
        _skewness(climbs),
    ]
    return np.stack(found, axis=1)


def likeness(known: np.ndarray, dataset: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """(data set,) shares, 1 in all: how the wanted traces would be sorted into the known data sets.

    known : (n, trait) of cells of data sets 0, 1, ... as `dataset` (n,) says; wanted : (k, trait)
    """
    from sklearn.linear_model import LogisticRegression

    centre, spread = known.mean(0), np.maximum(known.std(0), 1e-9)
    model = LogisticRegression(C=STRENGTH, class_weight="balanced", max_iter=2000)
    model.fit((known - centre) / spread, dataset)
    return model.predict_proba((wanted - centre) / spread).mean(0)


def _autocorrelation(values: np.ndarray, lag: int) -> np.ndarray:
    power = np.maximum((values**2).mean(0), 1e-24)
    return (values[lag:] * values[:-lag]).mean(0) / power


def _skewness(values: np.ndarray) -> np.ndarray:
    return (values**3).mean(0) / np.maximum((values**2).mean(0), 1e-24) ** 1.5
