"""A gated recurrent network through the bins of a trial."""

from torch import nn

from neuropipe.decoders.recurrent import Recurrent
from neuropipe.decoders.torch_decoder import TorchDecoder
from neuropipe.registry import decoder


@decoder("gru", task="classification", input="counts", tools=("torch",), runtime_only=("device",), slow=True)
class GRUDecoder(TorchDecoder):
    """Gated recurrent units (Cho et al. 2014) over coarse spike counts, read out at the trial's last bin.

    Parameters as in TorchDecoder.
    """

    def _network(self, n_components, n_bins, n_classes):
        return Recurrent(nn.GRU, n_components, n_classes, self.width, self.dropout)
