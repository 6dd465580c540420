"""Gated recurrent networks through the bins of a trial, or of a sample's history."""

from torch import nn

from neuropipe.decoders.networks.classifier import NetworkClassifier
from neuropipe.decoders.networks.recurrent import Recurrent
from neuropipe.decoders.networks.regressor import NetworkRegressor
from neuropipe.registry import decoder


@decoder("gru", task="classification", input="counts", tools=("torch",), runtime_only=("device",), slow=True)
class GRUDecoder(NetworkClassifier):
    """Gated recurrent units (Cho et al. 2014) over coarse spike counts, read out at the trial's last bin.

    Parameters as in NetworkClassifier.
    """

    def _network(self, n_components, n_bins, n_classes):
        return Recurrent(nn.GRU, n_components, n_classes, self.width, self.dropout)


@decoder("gru_regressor", task="regression", input="counts", tools=("torch",), runtime_only=("device",), slow=True)
class GRURegressor(NetworkRegressor):
    """Gated recurrent units (Cho et al. 2014) through the bins of a history, read out at the current one.

    Parameters as in NetworkRegressor.
    """

    def _network(self, n_units, n_bins, n_targets):
        return Recurrent(nn.GRU, n_units, n_targets, self.width, self.dropout)
