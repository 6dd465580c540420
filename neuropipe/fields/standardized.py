"""BOLD made comparable between runs: the drift of each run is removed, each voxel gets unit variance."""

import numpy as np

from neuropipe.errors import BadInput
from neuropipe.registry import signal_feature


@signal_feature("standardized", tools=(), modalities=("bold",))
class Standardized:
    """Every voxel without the drift of its run, divided by its standard deviation in the run.

    The mean and the drift of a scanner differ from run to run and say nothing about the stimulus. A run is transformed
    by itself, without labels: nothing passes from one run to another. Voxels that don't vary in a run are 0.

    degree : of the polynomial in time that is taken as drift: 0 the mean, 1 a line, 2 a parabola
    """

    names = ("standardized",)

    def __init__(self, *, degree: int = 1):
        if not 0 <= degree <= 10:
            raise BadInput(f"the degree of the drift is {degree}; take 0 to 10")
        self.degree = degree

    def quantity(self, unit: str) -> str:
        """The unit of the feature, given that of the recording."""
        return "s.d. of the run"

    def transform(self, values: np.ndarray, sampling_rate: float) -> np.ndarray:
        """(time, voxel) float64 of one run -> (time, voxel, 1)."""
        if len(values) < self.degree + 2:
            raise BadInput(f"a run of {len(values)} volumes is too short to tell its drift from its signal")
        moments = np.polynomial.legendre.legvander(np.linspace(-1, 1, len(values)), self.degree)
        basis, _ = np.linalg.qr(moments)
        left = values - basis @ (basis.T @ values)
        spread = left.std(axis=0)
        varies = spread > 1e-9 * np.abs(values).max(axis=0, initial=0)
        return np.divide(left, spread, out=np.zeros_like(left), where=varies)[..., None]
