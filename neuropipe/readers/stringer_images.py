"""Reads V1's responses to 2,800 natural images, each shown twice (Stringer, Pachitariu et al. 2019, MATLAB files).

`natimg2800_<mouse>_<date>.mat` holds stim, a struct with resp, (stimulus, neuron) deconvolved responses, and istim,
(stimulus, 1) the number of the image, counted from 1; and med, (neuron, 3) the centre of each cell, um.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from neuropipe.errors import BadInput
from neuropipe.readers.arrays import listed, only_file
from neuropipe.readers.matlab import open_variables
from neuropipe.readers.responses import column, positions, stimulus_responses
from neuropipe.recording import Recording
from neuropipe.registry import reader

FIELDS = ("resp", "istim")


@reader("stringer_images", tools=("scipy",))
def read(files: Mapping[str, Path], *, n_images: int = 2800) -> Recording:
    """Responses to natural images, one sample per showing; the number of the image and of its showing.

    n_images : images that are kept, from number 1 on; the numbers above stand for blank screens
    units : x, y, z (um); trials : start, stop, stimulus (a clock that counts showings), image, repeat (1, 2, ...).
    Missing responses are 0, as in the authors' own analysis.
    """
    path, file = only_file(files, "a MATLAB file"), next(iter(files))
    found = open_variables(path, file, {"stim", "med"})
    stim = found["stim"]
    known = getattr(getattr(stim, "dtype", None), "names", None) or ()
    missing = [name for name in FIELDS if name not in known]
    if missing or stim.size != 1:
        raise BadInput(f"{file}: stim lacks {listed(missing)}; it has {listed(known)}")
    responses, images = (stim.ravel()[0][name] for name in FIELDS)
    if responses.dtype.kind == "f":
        responses = np.nan_to_num(responses, nan=0.0, posinf=np.inf, neginf=-np.inf)  # as the authors' loadProc2800.m
    n_units = responses.shape[1] if responses.ndim == 2 else 0
    numbers = column(images, len(responses), f"{file}: stim.istim")
    if np.any(numbers != np.round(numbers)) or numbers.min(initial=1) < 1:
        raise BadInput(f"{file}: stim.istim must be numbers of images, counted from 1")
    kept = numbers <= n_images
    if not kept.any():
        raise BadInput(f"{file}: no image has a number up to n_images, {n_images}; the lowest is {numbers.min():.0f}")
    shown = numbers[kept].astype(np.int64)
    return stimulus_responses(
        responses[kept],
        positions(found["med"], n_units, f"{file}: med"),
        {"image": shown, "repeat": _repeats(shown)},
        unit="a.u.",
        where=f"{file}: stim.resp",
    )


def _repeats(shown: np.ndarray) -> np.ndarray:
    """How many times each image was shown so far, this showing included."""
    order = np.argsort(shown, kind="stable")
    _, firsts, counts = np.unique(shown[order], return_index=True, return_counts=True)
    repeats = np.empty(len(shown), np.int64)
    repeats[order] = np.arange(len(shown)) - np.repeat(firsts, counts) + 1
    return repeats
