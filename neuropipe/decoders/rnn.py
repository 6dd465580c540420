"""A plain recurrent network through the bins of a trial."""

from torch import nn

from neuropipe.decoders.recurrent import Recurrent
from neuropipe.decoders.torch_decoder import TorchDecoder
from neuropipe.registry import decoder


@decoder("rnn", task="classification", input="counts", tools=("torch",), runtime_only=("device",), slow=True)
class RNNDecoder(TorchDecoder):
    """A recurrent network of tanh units (Elman 1990) over coarse spike counts, read out at the trial's last bin.

    Parameters as in TorchDecoder.
    """

    def _network(self, n_components, n_bins, n_classes):
        return Recurrent(nn.RNN, n_components, n_classes, self.width, self.dropout)
