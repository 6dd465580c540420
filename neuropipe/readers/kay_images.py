"""Reads BOLD responses to natural images of Kay et al. (2008), as Neuromatch Academy publishes them.

`kay_images.npz` holds responses, (image, voxel), the z-scored amplitude of the BOLD response to each of 1,750 images,
responses_test, those to 120 others, and the region of each voxel: roi, numbers of the entries of roi_names. Labels are
beside it, (4, image) text: the name that a network gave the image last, wider WordNet categories before it.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from neuropipe.errors import BadInput
from neuropipe.readers.archives import load_npy, load_npy_member, require_members
from neuropipe.readers.arrays import listed
from neuropipe.readers.responses import as_responses, column, stimulus_responses, the_file
from neuropipe.recording import Recording
from neuropipe.registry import reader

LEVELS = ("category", "group", "subgroup", "object")  # rows of the labels
PARTS = {"training": ("responses", "kay_labels.npy"), "validation": ("responses_test", "kay_labels_val.npy")}


@reader("kay_images")
def read(
    files: Mapping[str, Path],
    *,
    images: str = "kay_images.npz",
    parts: tuple[str, ...] = ("training", "validation"),
    regions: tuple[str, ...] = (),
) -> Recording:
    """One amplitude per image and voxel, with the labels of the images and the region of every voxel.

    images : the name of the .npz file; parts : training, validation or both, in this order; regions : voxels that are
    kept, such as V1 and V4; empty: all
    units : roi; trials : start, stop, stimulus (a clock that counts images), category, group, subgroup, object, part.
    The publishers averaged the showings of an image: there is one row per image, not per showing.
    """
    path = the_file(files, images)
    unknown = [part for part in parts if part not in PARTS]
    if unknown or not parts:
        raise BadInput(f"{images}: parts are training and validation, found {listed(map(str, parts))}")
    require_members(path, ["roi.npy", "roi_names.npy", *(f"{PARTS[part][0]}.npy" for part in parts)])
    responses = [as_responses(load_npy_member(path, f"{PARTS[part][0]}.npy"), f"{images}: {PARTS[part][0]}")
                 for part in parts]  # fmt: skip
    if len({each.shape[1] for each in responses}) > 1:
        raise BadInput(f"{images}: training and validation have other numbers of voxels; fetch the file again")
    labels = [_labels(files, part, len(each)) for part, each in zip(parts, responses, strict=True)]
    regions_of_voxels = _regions(path, images, responses[0].shape[1])
    kept = np.isin(regions_of_voxels, regions) if regions else np.ones(len(regions_of_voxels), bool)
    if regions and set(regions) - set(regions_of_voxels):
        known = listed(set(regions_of_voxels.tolist()))
        raise BadInput(f"{images} has no voxel of {listed(set(regions) - set(regions_of_voxels))}; it has {known}")
    names = np.hstack(labels)
    return stimulus_responses(
        np.vstack(responses)[:, kept],
        pd.DataFrame({"roi": regions_of_voxels[kept]}),
        {
            **{level: names[row] for row, level in enumerate(LEVELS)},
            "part": np.repeat(np.array(parts), [len(each) for each in responses]),
        },
        unit="s.d.",
        where=images,
    )


def _labels(files: Mapping[str, Path], part: str, n_images: int) -> np.ndarray:
    """(level, image) text"""
    file = PARTS[part][1]
    found = load_npy(the_file(files, file), name=file)
    if found.shape != (len(LEVELS), n_images) or found.dtype.kind != "U":
        raise BadInput(f"{file} is {found.dtype} {found.shape}; expected text, {len(LEVELS)} rows of {n_images} images")
    return found


def _regions(path: Path, file: str, n_voxels: int) -> np.ndarray:
    """(voxel,) the name of the region."""
    names, numbers = load_npy_member(path, "roi_names.npy"), load_npy_member(path, "roi.npy")
    codes = column(numbers, n_voxels, f"{file}: roi")
    if names.ndim != 1 or names.dtype.kind != "U":
        raise BadInput(f"{file}: roi_names is {names.dtype} {names.shape}; expected one name a region")
    if np.any(codes != np.round(codes)) or codes.min() < 0 or codes.max() >= len(names):
        raise BadInput(f"{file}: roi must be numbers of the {len(names)} entries of roi_names")
    return names[codes.astype(np.int64)]
