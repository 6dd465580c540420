"""Networks with long short-term memory through the bins of a trial, or of a sample's history."""

from torch import nn

from neuropipe.decoders.networks.classifier import NetworkClassifier
from neuropipe.decoders.networks.recurrent import Recurrent
from neuropipe.decoders.networks.regressor import NetworkRegressor
from neuropipe.registry import decoder


@decoder("lstm", task="classification", input="counts", tools=("torch",), runtime_only=("device",), slow=True)
class LSTMDecoder(NetworkClassifier):
    """Long short-term memory (Hochreiter & Schmidhuber 1997) over coarse counts, read out at the trial's last bin.

    Parameters as in NetworkClassifier.
    """

    def _network(self, n_components, n_bins, n_classes):
        return Recurrent(nn.LSTM, n_components, n_classes, self.width, self.dropout)


@decoder("lstm_regressor", task="regression", input="counts", tools=("torch",), runtime_only=("device",), slow=True)
class LSTMRegressor(NetworkRegressor):
    """Long short-term memory (Hochreiter & Schmidhuber 1997) through a history, read out at the current bin.

    Parameters as in NetworkRegressor.
    """

    n_seeds: int = 3

    def _network(self, n_units, n_bins, n_targets):
        return Recurrent(nn.LSTM, n_units, n_targets, self.width, self.dropout)
