"""A task, a score family, a decoder, a connectivity method, a reader and a group of stages, each one module or folder,
as a contributor adds them."""

TASK = '''
"""Totals: how many spikes a trial holds, predicted from its bins; a toy."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from neuropipe.schemas import Scores
from neuropipe.tasks import Task
from neuropipe.tasks.classification import ClassificationEntry
from neuropipe.tasks.classification.binning import bin_trials
from neuropipe.tasks.entry import TaskEntry


class TotalsEntry(TaskEntry):
    """by : column of labels that trials must have; align, window : as in classification."""

    mark: ClassVar = "by"

    by: str
    align: str
    window: tuple[float, float]

    @property
    def target(self):
        return "number of spikes"


def bin_totals(entry, activity, recording, scratch):
    fields = entry.model_dump(exclude={"by", "folds", "kind"})
    return bin_trials(ClassificationEntry(label=entry.by, **fields), activity, recording, scratch)


@dataclass(frozen=True)
class Problem:
    counts: np.ndarray
    totals: np.ndarray

    @classmethod
    def of(cls, binned):
        counts = binned.activity[:]
        return cls(counts, counts.sum(axis=(1, 2)).astype(float))

    n_samples = property(lambda self: len(self.totals))
    n_bytes = property(lambda self: 8 * self.counts.size)
    documents = property(lambda self: {"targets": {"names": ["total"], "circular": False}})

    def fit_data(self, samples):
        return self.counts[samples], self.totals[samples, None], None

    def predict(self, estimator, samples):
        predicted = estimator.predict(self.counts[samples])[:, 0]
        return pd.DataFrame({"y_true_total": self.totals[samples], "y_pred_total": predicted})

    def facts(self, predictions):
        return {"trials": self.n_samples}


def score_totals(predictions, folds, binned, settings):
    rows = []
    for scheme, of in predictions.predictions.groupby("scheme", sort=False):
        truth, rate = of["y_true_total"].to_numpy(), of["y_pred_total"].clip(lower=1e-3).to_numpy()
        gain = (truth * np.log(rate / truth.mean()) - rate + truth.mean()).sum() / truth.sum() / np.log(2)
        rows.append((scheme, "bits_per_spike", gain, gain - 0.1, gain + 0.1, 0.001, len(of)))
    columns = ["scheme", "metric", "value", "ci_low", "ci_high", "p_value", "n"]
    table = pd.DataFrame(rows, columns=columns)
    return Scores(scores=table, ranking={"family": "spike_prediction", "primary": "bits_per_spike"})


TASK = Task(
    kind="totals",
    entry=TotalsEntry,
    estimators="regression",
    family="spike_prediction",
    binned="neuropipe.schemas.binned:TrialBins",
    bin="neuropipe.tasks.totals:bin_totals",
    samples="neuropipe.tasks.classification.decoding:trial_samples",
    problem="neuropipe.tasks.totals:Problem",
    score="neuropipe.tasks.totals:score_totals",
    plot_bins="neuropipe.plots.binned:trial_bins",
    plot_predictions="neuropipe.plots.binned:no_plots",
)
'''

DECODER = '''
"""The mean over training samples, whatever the counts; a toy."""

import json

from neuropipe.decoders.base import CountsRegressor
from neuropipe.parameters import Parameters
from neuropipe.registry import decoder


@decoder("constant", task="regression", input="counts", tools=("numpy",))
class Constant(Parameters, CountsRegressor):
    """Always the mean over the training samples."""

    def _learn(self, counts, targets, times):
        self.mean_ = targets.mean(axis=0)

    def _estimates(self, counts):
        return self.mean_[None].repeat(len(counts), axis=0)

    def _write(self, folder):
        return self.mean_.tolist()

    def _read(self, folder, learned):
        import numpy as np

        self.mean_ = np.array(learned)
'''

METHOD = '''
"""The product of the numbers of spikes; a toy."""

import numpy as np

from neuropipe.connectivity.base import ConnectivityMethod, Estimate
from neuropipe.parameters import NOT_NEGATIVE, Parameters
from neuropipe.registry import connectivity_method


@connectivity_method("busy", needs="counts", directed=False, signed=False, calibrated=False, tools=("scikit-learn",))
class Busy(Parameters, ConnectivityMethod):
    """Units that fire much are connected."""

    _parameter_constraints = {"least": [NOT_NEGATIVE]}

    least: float = 0.0

    def _estimate(self, data):
        events = data.n_events.astype(float)
        return Estimate(np.maximum(np.outer(events, events), self.least))
'''

SORTER = '''
"""Takes every trough for a spike of one unit."""

import numpy as np

from neuropipe.registry import sorter


@sorter("troughs", tools=("spikeinterface",))
def troughs(recording, folder, *, seed: int = 0, depth: float = 60.0):
    """Troughs below a depth, all of one unit. depth : uV"""
    from spikeinterface.core import NumpySorting

    low = recording.get_traces().min(axis=1)
    found = np.flatnonzero((low[1:-1] < -depth) & (low[1:-1] <= low[:-2]) & (low[1:-1] < low[2:])) + 1
    return NumpySorting.from_unit_dict([{0: found}], recording.sampling_frequency)
'''

VOLTAGE = """\
title: Small voltage
citation: unpublished
licence: CC0-1.0
modality: voltage
simulator: voltage
parameters:
  probe: tetrode
  sampling_rate: 20000.0
  duration: 12.0
  amplitude: [400.0, 400.0]
  decisions: {n_trials: 12, n_units: 1, baseline_rate: 20.0}
sessions: {one: {}}
"""

READER = '''
"""Spike times of one unit, a number per line, with labels of two-second trials; a toy."""

import numpy as np
import pandas as pd

from neuropipe.readers.arrays import only_file
from neuropipe.recording import Recording, SpikeTrains
from neuropipe.registry import reader


@reader("lines")
def read(files, *, n_trials: int = 40):
    """Spike times in s, one per line; trial i starts at 2 i s, its label is i modulo 2."""
    times = np.loadtxt(only_file(files, "a text file"))
    starts = np.arange(n_trials) * 2.0
    trials = pd.DataFrame({"start": starts, "choice": np.arange(n_trials) % 2})
    return Recording(units=pd.DataFrame({"unit": [0]}), trials=trials, spikes=SpikeTrains.from_list([times]))
'''

STAGES = '''
"""busiest/unit: the unit with most spikes in the bins; a toy."""

from typing import Any

from neuropipe.schemas import Binned
from neuropipe.schemas.base import Schema, document
from dataclasses import dataclass
from resources.store.stage import StageConfig, stage


@dataclass(frozen=True, kw_only=True)
class Busiest(Schema):
    unit: Any = document()


class BusiestConfig(StageConfig):
    rank: int = 0


@stage(name="busiest/unit", group="toys")
def busiest(config: BusiestConfig, binned: Binned) -> Busiest:
    """The unit with most spikes."""
    order = binned.activity[:].sum(axis=(0, 1)).argsort()[::-1]
    return Busiest(unit=int(order[config.rank]), facts={"unit": int(order[config.rank])})


STAGES = [busiest]
'''

DATASET = """\
title: Spikes in a text file
citation: unpublished
licence: not stated
modality: spikes
reader: lines
task: {by: choice, align: start, window: [0.0, 1.0], bin_width: 0.25, folds: {n_folds: 2}}
sessions:
  one: {files: {spikes.txt: {path: PATH}}}
"""
