"""A perceptron with one hidden layer on all bins of a history at once, for continuous targets."""

from neuropipe.decoders.mlp import Perceptron
from neuropipe.decoders.torch_regressor import TorchRegressor
from neuropipe.registry import decoder


@decoder("mlp_regressor", task="regression", input="counts", tools=("torch",), runtime_only=("device",), slow=True)
class MLPRegressor(TorchRegressor):
    """A multilayer perceptron (Rumelhart et al. 1986) on counts, every bin of every unit an input.

    Parameters as in TorchRegressor.
    """

    dropout: float = 0.3
    learning_rate: float = 0.001
    n_seeds: int = 5

    def _network(self, n_units, n_bins, n_targets):
        return Perceptron(n_units * n_bins, n_targets, self.width, self.dropout)
