"""From spike times, events and behaviour to arrays of bins.

trials.py counts spikes around trials, continuous.py in bins that follow each other; events.py spreads events of
imaged ROIs over bins, rebinning.py sums counts that were published in bins, and streaming.py bins sessions that are
larger than memory, straight to Zarr.
"""

from neuropipe.binning.rebinning import rebin, rebin_window
from neuropipe.binning.spikes import SpikeSource
from neuropipe.binning.trials import bin_spikes
from neuropipe.binning.windows import Windows

__all__ = ["SpikeSource", "Windows", "bin_spikes", "rebin", "rebin_window"]
