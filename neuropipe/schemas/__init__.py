"""Schemas: one typed object per artifact with its Zarr, Parquet and JSON layout.

No other place names the arrays, columns and attributes of artifacts.
"""

from neuropipe.schemas.activity import Activity
from neuropipe.schemas.base import Check, Schema
from neuropipe.schemas.binned import Binned, TimeBins, TrialBins
from neuropipe.schemas.communication_subspace import CommunicationSubspace
from neuropipe.schemas.connectivity import (
    Connectivity,
    ConnectivityAgreement,
    ConnectivityGraph,
    ConnectivityReliability,
)
from neuropipe.schemas.events import DeconvolutionScores, Events
from neuropipe.schemas.fluorescence import Fluorescence
from neuropipe.schemas.folds import Folds
from neuropipe.schemas.networks import DeconvolutionNetworks
from neuropipe.schemas.predictions import Predictions
from neuropipe.schemas.recording import Recording
from neuropipe.schemas.results import Leaderboard, Report, Sweep
from neuropipe.schemas.scores import Scores
from neuropipe.schemas.signals import Evoked, Features, Spectra
from neuropipe.schemas.sorting import (
    Preprocessing,
    SortedSpikes,
    Sorting,
    SortingAgreement,
    Templates,
    UnitQuality,
)

__all__ = [
    "Activity",
    "Binned",
    "Check",
    "CommunicationSubspace",
    "Connectivity",
    "ConnectivityAgreement",
    "ConnectivityGraph",
    "ConnectivityReliability",
    "DeconvolutionNetworks",
    "DeconvolutionScores",
    "Events",
    "Evoked",
    "Features",
    "Fluorescence",
    "Folds",
    "Leaderboard",
    "Predictions",
    "Preprocessing",
    "Recording",
    "Report",
    "Schema",
    "Scores",
    "SortedSpikes",
    "Sorting",
    "SortingAgreement",
    "Spectra",
    "Sweep",
    "Templates",
    "TimeBins",
    "TrialBins",
    "UnitQuality",
]
