"""A network with long short-term memory through the bins of a trial."""

from torch import nn

from neuropipe.decoders.recurrent import Recurrent
from neuropipe.decoders.torch_decoder import TorchDecoder
from neuropipe.registry import decoder


@decoder("lstm", task="classification", input="counts", tools=("torch",), runtime_only=("device",), slow=True)
class LSTMDecoder(TorchDecoder):
    """Long short-term memory (Hochreiter & Schmidhuber 1997) over coarse counts, read out at the trial's last bin.

    Parameters as in TorchDecoder.
    """

    def __init__(
        self,
        *,
        windows: tuple[tuple[float, float], ...] = (
            (0.0, 1.0),
            (0.0, 0.5),
            (0.5, 1.0),
            (0.0, 0.25),
            (0.25, 0.5),
            (0.5, 0.75),
            (0.75, 1.0),
            (0.875, 1.0),
        ),
        n_bins: tuple[int, ...] = (2, 4),
        width: int = 64,
        dropout: float = 0.5,
        offsets: tuple[float, ...] = (1.0, 30.0),
        n_components: int = 64,
        unit_dropout: float = 0.3,
        mixup: float = 0.0,
        time_jitter: int = 1,
        learning_rate: float = 0.002,
        weight_decay: float = 0.01,
        label_smoothing: float = 0.1,
        balanced: bool = False,
        n_epochs: int = 40,
        batch_size: int = 32,
        n_inner_folds: int = 4,
        n_seeds: int = 5,
        seed: int = 0,
        device: str = "auto",
    ):
        self.windows = windows
        self.n_bins = n_bins
        self.width = width
        self.dropout = dropout
        self.offsets = offsets
        self.n_components = n_components
        self.unit_dropout = unit_dropout
        self.mixup = mixup
        self.time_jitter = time_jitter
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.label_smoothing = label_smoothing
        self.balanced = balanced
        self.n_epochs = n_epochs
        self.batch_size = batch_size
        self.n_inner_folds = n_inner_folds
        self.n_seeds = n_seeds
        self.seed = seed
        self.device = device

    def _network(self, n_components, n_bins, n_classes):
        return Recurrent(nn.LSTM, n_components, n_classes, self.width, self.dropout)
