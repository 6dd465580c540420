"""A session to be exported, made of arrays: what a store holds, without a store."""

from types import SimpleNamespace

import numpy as np
import pandas as pd

from neuropipe.export import Made, SessionContent
from neuropipe.recording import Recording, Signals, SpikeTrains, TimeSeries
from neuropipe.schemas import Connectivity, Predictions, TimeBins, TrialBins
from neuropipe.schemas import Recording as Stored

N_TRIALS, N_UNITS = 8, 3
TRAINS = [np.array([0.25, 1.5, 7.125]), np.array([]), np.array([0.1, 0.2, 5.0, 6.0])]
WEIGHTS = np.array([[0, 0.5, 0], [-2.0, 0, 0], [0.1, 0, 0]])


def trials() -> pd.DataFrame:
    start = np.arange(N_TRIALS, dtype=float)
    return pd.DataFrame(
        {
            "start": start,
            "stop": start + 0.9,
            "stimulus": np.where(start == 3, np.nan, start + 0.1),
            "choice": np.resize([-1, 1], N_TRIALS),
            "picture": np.resize(["face", "house"], N_TRIALS),
            "rewarded": np.resize([True, True, False], N_TRIALS),
        }
    )


def spiking() -> Stored:
    """Three units, of which one is silent; trials, two epochs, position sampled irregularly and speed regularly."""
    made = Recording(
        units=pd.DataFrame({"brain_area": ["CA1", None, "VISp"], "depth": [10.0, np.nan, 30.0], "rate": [1, 2, 3]}),
        spikes=SpikeTrains.from_list(TRAINS),
        trials=trials(),
        epochs=pd.DataFrame({"name": ["sleep", "wake"], "start": [0.0, 4.0], "stop": [4.0, 8.0]}),
        behaviour={
            "position": TimeSeries(np.array([0.0, 0.1, 0.4]), np.arange(6.0).reshape(3, 2), ("x", "y")),
            "speed": TimeSeries(1.0 + np.arange(5) / 4, np.arange(5.0)),
        },
    )
    return Stored.of(made)


def field_potentials() -> Stored:
    """Two channels at 100 Hz, in two stretches."""
    values = np.random.default_rng(0).normal(0, 50, (40, 2)).astype(np.float32)
    segments, starts = np.array([[0, 30], [30, 40]]), np.array([0.5, 2.0])
    signals = Signals(values, 100.0, "uV", segments, starts)
    return Stored.of(Recording(units=pd.DataFrame({"channel": ["Fz", "Cz"]}), signals=signals))


def trial_bins() -> TrialBins:
    """All trials but the first, two bins of 0.2 s, units 0 and 2."""
    kept = np.arange(1, N_TRIALS)
    table = trials().iloc[kept]
    rows = pd.DataFrame({"trial": kept, "label": table["picture"], "start": table["start"], "stop": table["stop"]})
    return TrialBins(
        activity=np.arange(28, dtype=np.uint8).reshape(7, 2, 2),
        labels=np.resize([1, 0], 7),
        trials=rows.reset_index(drop=True),
        units=np.array([0, 2]),
        bin_width=0.2,
        window=(-0.1, 0.3),
        align="start",
        label="picture",
        classes=("face", "house"),
    )


def time_bins() -> TimeBins:
    """Six bins of 0.5 s in two segments, of which the second begins at 10 s; samples are two bins long."""
    return TimeBins(
        activity=np.arange(12, dtype=np.uint8).reshape(6, 2),
        targets=np.arange(6.0)[:, None],
        segments=np.array([[0, 3], [3, 6]]),
        samples=pd.DataFrame({"bin": [1, 2, 4, 5], "start": [0, 0.5, 10, 10.5], "stop": [1, 1.5, 11, 11.5]}),
        bin_width=0.5,
        history=2,
        names=("speed",),
        circular=False,
    )


def predictions() -> Predictions:
    """Of the seven binned trials, in two folds."""
    chance = np.linspace(0.1, 0.9, 7)
    return Predictions(
        predictions=pd.DataFrame(
            {
                "scheme": "blocked",
                "fold": [0, 0, 0, 0, 1, 1, 1],
                "sample": np.arange(7),
                "y_true": np.resize(["house", "face"], 7),
                "y_pred": np.where(chance < 0.5, "face", "house"),
                "p_face": 1 - chance,
                "p_house": chance,
            }
        ),
        classes=["face", "house"],
    )


def connectivity() -> Connectivity:
    return Connectivity(
        weights=WEIGHTS,
        p_values=np.where(np.eye(3) > 0, np.nan, 0.25),
        delays=np.where(WEIGHTS == 0.5, 0.002, np.nan),
        units=pd.DataFrame({"left_out": ["", "", ""]}),
        method="granger",
        parameters={"lag": 0.02},
    )


def content(recording: Stored, modality: str = "spikes", **assets: object) -> SessionContent:
    """A session of these artifacts; `decoder__gru` stands for decoder/gru."""
    named = {"recording": recording} | {name.replace("__", "/"): held for name, held in assets.items()}
    made = {name: Made(held, f"print of {name}", {"seed": 7, "width": 2}) for name, held in named.items()}
    return SessionContent(
        key="mine.one",
        title="Pictures seen by a mouse",
        citation="Author A (2020) Pictures. Journal 1:2. doi:10.1000/mine.1; doi:10.1000/other",
        licence="CC0-1.0",
        note="one mouse",
        modality=modality,
        source="recording",
        assets=made,
        subject={"subject_id": "M1", "species": "Mus musculus"},
        asked=tuple(named)[:1],
    )


def full() -> SessionContent:
    """Spikes, trials, predictions and connectivity."""
    assets = {"binned": trial_bins(), "decoder__gru": predictions(), "connectivity__granger": connectivity()}
    return content(spiking(), **assets)


def asking(session: SessionContent, name: str) -> SessionContent:
    """The same, with one asset asked for."""
    return SessionContent(**(vars(session) | {"asked": (name,)}))


def voltage(sampling_rate: float = 20_000.0) -> SimpleNamespace:
    """A recording of voltage, as far as exporters look at it."""
    empty = dict.fromkeys(("times", "offsets", "counts", "time_counts", "signals", "dff", "trials", "epochs", "movie"))
    where = {"sampling_rate": sampling_rate}
    return SimpleNamespace(**empty, units=pd.DataFrame(), behaviour={}, truth={}, voltage=where)
