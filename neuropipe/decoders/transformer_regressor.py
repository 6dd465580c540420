"""A transformer that reads the history of a sample as a sequence of bins, for continuous targets."""

from neuropipe.decoders.torch_regressor import TorchRegressor
from neuropipe.decoders.transformer import BinTransformer
from neuropipe.registry import decoder


@decoder(
    "transformer_regressor", task="regression", input="counts", tools=("torch",), runtime_only=("device",), slow=True
)
class TransformerRegressor(TorchRegressor):
    """A transformer encoder with the bins of a history as its tokens, for continuous targets.

    Vaswani et al. 2017; pre-norm, Xiong et al. 2020. Two layers of four heads with learned positions; what is read out
    is the current bin's token.

    Parameters as in TorchRegressor; width : of a token, a multiple of 4.
    """

    width: int = 64

    def _network(self, n_units, n_bins, n_targets):
        return BinTransformer(n_units, n_bins, n_targets, self.width, self.dropout)
