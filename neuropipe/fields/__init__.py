"""Field potentials and other continuous signals: from channels to features, spectra and event-related potentials.

Contract: a signal feature is a class whose constructor takes keyword parameters, with `names` of what it makes of one
channel, `quantity(unit)` and `transform(values, sampling_rate)`: values (time, channel) float64 of one stretch without
interruption give (time, channel, feature). Each channel is transformed by itself, so blocks of channels give what all
of them at once would. One module per feature.
"""

from neuropipe.registry import Registry

registry = Registry("signal_feature", __name__)
available = registry.available
get = registry.get
make = registry.make
