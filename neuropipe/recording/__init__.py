"""What a recording is: the standard form that every reader and simulator returns and later stages start from."""

from neuropipe.recording.counts import TimeCounts, TrialCounts
from neuropipe.recording.fluorescence import Fluorescence
from neuropipe.recording.movie import Frames, Movie
from neuropipe.recording.recording import Recording
from neuropipe.recording.signals import Signals, sample_times
from neuropipe.recording.spike_trains import SpikeTrains
from neuropipe.recording.time_series import TimeSeries

__all__ = [
    "Fluorescence",
    "Frames",
    "Movie",
    "Recording",
    "Signals",
    "SpikeTrains",
    "TimeCounts",
    "TimeSeries",
    "TrialCounts",
    "sample_times",
]
