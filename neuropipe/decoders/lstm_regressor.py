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

    def __init__(
        self,
        *,
        n_lags: int = 14,
        width: int = 128,
        dropout: float = 0.1,
        scale_offset: float = 1.0,
        unit_dropout: float = 0.2,
        learning_rate: float = 0.003,
        weight_decay: float = 0.3,
        n_epochs: int = 10,
        batch_size: int = 128,
        n_inner_folds: int = 2,
        n_seeds: int = 3,
        seed: int = 0,
        device: str = "auto",
    ):
        self.n_lags = n_lags
        self.width = width
        self.dropout = dropout
        self.scale_offset = scale_offset
        self.unit_dropout = unit_dropout
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.n_epochs = n_epochs
        self.batch_size = batch_size
        self.n_inner_folds = n_inner_folds
        self.n_seeds = n_seeds
        self.seed = seed
        self.device = device

    def _network(self, n_units, n_bins, n_targets):
        return Recurrent(nn.LSTM, n_units, n_targets, self.width, self.dropout)
