"""Networks that read spike counts as what they are: numbers of spikes."""

from neuropipe.decoders.inputs import refuse_negative
from neuropipe.decoders.torch_decoder import TorchDecoder


class CountNetworks(TorchDecoder):
    """As TorchDecoder, but negative activity is refused: it holds no spikes."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = True
        return tags

    def _learn(self, counts, labels):
        refuse_negative(self, counts)
        super()._learn(counts, labels)

    def _probabilities(self, counts):
        refuse_negative(self, counts)
        return super()._probabilities(counts)
