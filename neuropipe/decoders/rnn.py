"""Plain recurrent networks through the bins of a trial, or of a sample's history."""

from torch import nn

from neuropipe.decoders.networks.classifier import NetworkClassifier
from neuropipe.decoders.networks.recurrent import Recurrent
from neuropipe.decoders.networks.regressor import NetworkRegressor
from neuropipe.registry import decoder


@decoder("rnn", task="classification", input="counts", tools=("torch",), runtime_only=("device",), slow=True)
class RNNDecoder(NetworkClassifier):
    """A recurrent network of tanh units (Elman 1990) over coarse spike counts, read out at the trial's last bin.

    Parameters as in NetworkClassifier.
    """

    def _network(self, n_components, n_bins, n_classes):
        return Recurrent(nn.RNN, n_components, n_classes, self.width, self.dropout)


@decoder("rnn_regressor", task="regression", input="counts", tools=("torch",), runtime_only=("device",), slow=True)
class RNNRegressor(NetworkRegressor):
    """A recurrent network of tanh units (Elman 1990) through the bins of a history, read out at the current one.

    Parameters as in NetworkRegressor.
    """

    n_seeds: int = 3

    def _network(self, n_units, n_bins, n_targets):
        return Recurrent(nn.RNN, n_units, n_targets, self.width, self.dropout)
