"""Connectivity: who influences whom, estimated from the activity of many units at once. One module with one class each.

Contract: a method is a class whose constructor takes keyword parameters and whose `fit(data) -> self` takes
ConnectivityData and sets

    weights_     (source, target) float64; weights_[i, j] is the influence of unit i on unit j, its sign says excitation
                 or inhibition, its size ranks pairs; 0 on the diagonal and wherever nothing could be estimated
    p_values_    (source, target) of "i does not influence j", NaN where there is none; None for a method without them
    delays_      (source, target) s, NaN where unknown; None for a method that does not estimate delays
    left_out_    unit -> why nothing could be estimated for it
    duplicates_  pairs of units that are copies of each other; nothing is estimated between them

A method is told nothing but the activity: neither the true wiring of a simulation nor the names of units.
"""

from neuropipe.connectivity.data import ConnectivityData
from neuropipe.registry import Registry

registry = Registry("connectivity_method", __name__)
available = registry.available
make = registry.make

__all__ = ["ConnectivityData", "available", "make", "registry"]
