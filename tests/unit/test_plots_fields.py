"""Plots of field potentials show what they say."""

import numpy as np
import pandas as pd
import pytest

from neuropipe.plots import fields
from neuropipe.schemas.signals import Evoked, Features, Spectra

RNG = np.random.default_rng(0)
PLACES = {"theta": [0.0, 90.0, 180.0, np.nan], "radius": [0.5, 0.5, 0.25, np.nan]}


def evoked(**columns):
    mean = np.zeros((2, 50, 4))
    mean[1, 30, 2] = 8.0
    return Evoked(
        mean=mean,
        error=np.ones(mean.shape),
        times=np.arange(-10, 40) / 100,
        classes=pd.DataFrame({"label": ["rt", "square"], "trials": [70, 80]}),
        channels=pd.DataFrame({"channel": ["Fz", "T8", "Pz", "EOG"], **columns}),
        quantity="uV",
        align="onset",
        label="type",
    )


def test_the_channel_and_moment_of_the_largest_difference_are_drawn():
    figure = fields.event_related_potentials(evoked(**PLACES))
    top, *heads = [axes for axes in figure.axes if axes.get_label() != "<colorbar>"]
    assert top.get_title(loc="left").startswith("Pz, which differs most by type")
    assert top.get_ylabel() == "Pz (uV)"
    assert [text.get_text() for text in top.get_legend().get_texts()] == ["rt (n = 70)", "square (n = 80)"]
    assert [axes.get_title() for axes in heads] == ["rt at 200 ms", "square at 200 ms"]
    drawn = heads[1].collections[0]
    np.testing.assert_allclose(drawn.get_offsets(), [[0, 0.5], [0.5, 0], [0, -0.25]], atol=1e-9)  # nose up, right right
    np.testing.assert_array_equal(drawn.get_array(), [0, 0, 8])


def test_without_places_all_channels_are_drawn_over_time():
    figure = fields.event_related_potentials(evoked())
    assert [axes.get_title(loc="left") for axes in figure.axes[1:]] == [
        "rt (n = 70): all channels", "square (n = 80): all channels"
    ]  # fmt: skip


@pytest.mark.parametrize("n_channels", [2, 12])
def test_spectra_and_coherence(n_channels):
    names = [f"ch{number}" for number in range(n_channels)]
    pairs = [(a, b) for a in names for b in names if a < b]
    made = Spectra(
        frequencies=np.arange(51.0),
        power=RNG.random((51, n_channels)) + 0.1,
        coherence=RNG.random((51, len(pairs))),
        channels=pd.DataFrame({"channel": names}),
        pairs=pd.DataFrame(pairs, columns=["first", "second"]),
        peaks=pd.DataFrame(
            {"band": ["theta", "beta"], "low": 4, "high": 8, "channel": "a", "frequency": [7.0, np.nan], "power": 1.0}
        ),
        quantity="uV",
        method="welch",
        windows=9,
        chance=0.3,
    )
    (axes,) = fields.power_spectra(made).axes
    assert axes.get_ylabel() == "power (uV²/Hz)"
    assert [text.get_text().strip() for text in axes.texts] == ["theta 7 Hz"]
    legend = [text.get_text() for text in axes.get_legend().get_texts()]
    assert legend == (names if n_channels == 2 else ["median of channels"])
    (axes,) = fields.coherence(made).axes
    first = axes.get_legend().get_texts()[0].get_text()
    assert first == ("ch0 and ch1" if n_channels == 2 else f"median of {len(pairs)} pairs; band: 5 to 95 %")


def test_a_stretch_comes_from_the_middle_of_the_longest_segment():
    made = Features(
        signals=np.cumsum(np.ones((3000, 2), np.float32), axis=0),
        segments=np.array([[0, 500], [500, 3000]]),
        segment_starts=np.array([0.0, 100.0]),
        units=pd.DataFrame({"channel": ["a", "b"], "feature": "voltage"}),
        sampling_rate=100.0,
        quantity="uV",
        method="voltage",
    )
    (axes,) = fields.stretch_of_signals(made).axes
    times = axes.lines[0].get_xdata()
    assert (times[0], len(times)) == (107.5, 1000)
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b"]
