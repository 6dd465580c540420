"""A plain recurrent network through the history of a sample, for continuous targets."""

from torch import nn

from neuropipe.decoders.recurrent import Recurrent
from neuropipe.decoders.torch_regressor import TorchRegressor
from neuropipe.registry import decoder


@decoder("rnn_regressor", task="regression", input="counts", tools=("torch",), runtime_only=("device",), slow=True)
class RNNRegressor(TorchRegressor):
    """A recurrent network of tanh units (Elman 1990) through the bins of a history, read out at the current one.

    Parameters as in TorchRegressor.
    """

    n_seeds: int = 3

    def _network(self, n_units, n_bins, n_targets):
        return Recurrent(nn.RNN, n_units, n_targets, self.width, self.dropout)
