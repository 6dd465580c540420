"""What a user may set of suite2p, in px and s, and suite2p's own settings that follow from it."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from neuropipe.errors import BadInput

SCALES = 3 * 2 ** np.arange(1, 5)  # px, the sizes of cells that suite2p's detection knows


@dataclass(frozen=True, kw_only=True)
class Suite2pSettings:
    """Registration, detection and extraction.

    diameter : px, of a cell; tau : s, decay of the indicator (about 0.7 GCaMP6f, 1.0 6m, 1.25 6s): frames are averaged
        over it before cells are looked for
    threshold_scaling : of suite2p's threshold of activity; lower finds more ROIs, and more that are none
    max_shift : px, of whole frames; nonrigid : then also let blocks of block_size px move, by fractions of a pixel up
        to max_block_shift px (whole frames move by whole pixels alone)
    max_overlap : ROIs that share more than this with others are left out; allow_overlap : take fluorescence from
        shared pixels, too
    inner_neuropil_radius : px next to a cell that are not its neuropil; min_neuropil_pixels : of the ring around it
    memory : GB that a step may hold; of a long movie detection then sees means over more frames
    """

    diameter: float = 12.0
    tau: float = 0.7
    threshold_scaling: float = 0.7
    max_shift: float = 15.0
    nonrigid: bool = True
    block_size: int = 128
    max_block_shift: float = 5.0
    max_overlap: float = 0.75
    allow_overlap: bool = False
    inner_neuropil_radius: int = 2
    min_neuropil_pixels: int = 350
    memory: float = 1.2

    def __post_init__(self) -> None:
        least = dict.fromkeys(("max_shift", "diameter", "block_size", "min_neuropil_pixels"), 1) | {
            "inner_neuropil_radius": 0
        }
        for name, lowest in least.items():
            if not getattr(self, name) >= lowest:
                raise BadInput(f"{name} must be at least {lowest} px, found {getattr(self, name)}")
        for name in ("tau", "threshold_scaling", "max_block_shift", "max_overlap", "memory"):
            if not getattr(self, name) > 0:
                raise BadInput(f"{name} must be above 0, found {getattr(self, name)}")

    def options(self, defaults: dict[str, Any], frame: tuple[int, int]) -> dict[str, Any]:
        """suite2p's settings, of which `defaults` are all, for frames of (height, width) px."""
        return {
            "registration": defaults["registration"]
            | {
                "maxregshift": self.max_shift / min(frame),
                "nonrigid": self.nonrigid,
                # suite2p's blocks must be smaller than the frame
                "block_size": tuple(min(self.block_size, side // 2) for side in frame),
                "maxregshiftNR": self.max_block_shift,
            },
            "detection": defaults["detection"]
            | {
                "threshold_scaling": self.threshold_scaling,
                "max_overlap": self.max_overlap,
                "sparsery_settings": defaults["detection"]["sparsery_settings"]
                | {
                    "spatial_scale": int(np.abs(np.log(SCALES / self.diameter)).argmin()) + 1,
                    "highpass_neuropil": 2 * round(self.diameter) + 1,
                },
            },
            "extraction": defaults["extraction"]
            | {
                "allow_overlap": self.allow_overlap,
                "inner_neuropil_radius": self.inner_neuropil_radius,
                "min_neuropil_pixels": self.min_neuropil_pixels,
            },
        }
