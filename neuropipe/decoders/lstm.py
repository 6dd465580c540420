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

    def _network(self, n_components, n_bins, n_classes):
        return Recurrent(nn.LSTM, n_components, n_classes, self.width, self.dropout)
