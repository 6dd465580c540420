"""Reads V1's responses to gratings of every orientation, as Neuromatch Academy publishes them (Stringer et al. 2021).

One .npy file with a pickled dictionary, of which plain data are read and no code is run: sresp, (neuron, stimulus)
deconvolved fluorescence summed over each grating; istim, (stimulus,) the angle shown, 0 to 2 pi; run, (stimulus,)
running speed; xyz, (3, neuron) um.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from neuropipe.readers.arrays import only_file
from neuropipe.readers.numpy_pickles import load_object_npy
from neuropipe.readers.responses import as_responses, column, fields_of, positions, stimulus_responses
from neuropipe.recording import Recording
from neuropipe.registry import reader

FIELDS = ("sresp", "istim", "run", "xyz")


@reader("stringer_orientations")
def read(files: Mapping[str, Path]) -> Recording:
    """Responses to gratings, one sample per grating; direction and orientation of each, and how fast the mouse ran.

    units : x, y, z (um); trials : start, stop, stimulus (a clock that counts gratings), direction (radians, 0 to 2 pi),
    run (arbitrary units); behaviour : direction; twice_orientation (the orientation, 0 to pi, doubled, so that opposite
    directions of a static grating are one angle); run
    """
    path, file = only_file(files, "an .npy file"), next(iter(files))
    found = fields_of(load_object_npy(path, name=file), FIELDS, file)
    responses = as_responses(np.asarray(found["sresp"]).T, f"{file}: sresp")
    n_stimuli, n_units = responses.shape
    direction = column(found["istim"], n_stimuli, f"{file}: istim") % (2 * np.pi)
    run = column(found["run"], n_stimuli, f"{file}: run")
    return stimulus_responses(
        responses,
        positions(np.asarray(found["xyz"]).T, n_units, f"{file}: xyz"),
        {"direction": direction, "run": run},
        unit="a.u.",
        where=f"{file}: sresp",
        behaviour={"direction": direction, "twice_orientation": 2 * direction % (2 * np.pi), "run": run},
    )
