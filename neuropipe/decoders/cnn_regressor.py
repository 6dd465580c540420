"""A convolutional network over the history of a sample as an image of bins by units, for continuous targets."""

from neuropipe.decoders.cnn import Convolutional
from neuropipe.decoders.torch_regressor import TorchRegressor
from neuropipe.registry import decoder


@decoder("cnn_regressor", task="regression", input="counts", tools=("torch",), runtime_only=("device",), slow=True)
class CNNRegressor(TorchRegressor):
    """Convolutions over time with mixtures of the units as channels, for continuous targets.

    As over the electrodes of EEGNet (Lawhern et al. 2018): every filter spans all units and slides over time only.

    Parameters as in TorchRegressor.
    """

    def _network(self, n_units, n_bins, n_targets):
        return Convolutional(n_units, n_bins, n_targets, self.width, self.dropout)
