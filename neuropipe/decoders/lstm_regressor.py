"""A network with long short-term memory through the history of a sample, for continuous targets."""

from torch import nn

from neuropipe.decoders.recurrent import Recurrent
from neuropipe.decoders.torch_regressor import TorchRegressor
from neuropipe.registry import decoder


@decoder("lstm_regressor", task="regression", input="counts", tools=("torch",), runtime_only=("device",), slow=True)
class LSTMRegressor(TorchRegressor):
    """Long short-term memory (Hochreiter & Schmidhuber 1997) through a history, read out at the current bin.

    Parameters as in TorchRegressor.
    """

    n_seeds: int = 3

    def _network(self, n_units, n_bins, n_targets):
        return Recurrent(nn.LSTM, n_units, n_targets, self.width, self.dropout)
