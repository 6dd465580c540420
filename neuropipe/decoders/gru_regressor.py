"""A gated recurrent network through the history of a sample, for continuous targets."""

from torch import nn

from neuropipe.decoders.recurrent import Recurrent
from neuropipe.decoders.torch_regressor import TorchRegressor
from neuropipe.registry import decoder


@decoder("gru_regressor", task="regression", input="counts", tools=("torch",), runtime_only=("device",), slow=True)
class GRURegressor(TorchRegressor):
    """Gated recurrent units (Cho et al. 2014) through the bins of a history, read out at the current one.

    Parameters as in TorchRegressor.
    """

    def _network(self, n_units, n_bins, n_targets):
        return Recurrent(nn.GRU, n_units, n_targets, self.width, self.dropout)
