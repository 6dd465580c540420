"""Reads ten thousand neurons of V1 while a mouse runs and moves its face (Stringer, Pachitariu et al. 2019).

Neuromatch Academy publishes one recording as an .npy file with a pickled dictionary, of which plain data are read and
no code is run: sresp, (neuron, bin) deconvolved fluorescence in bins of 1.2 s; run, (bin, 1); pupilArea, (bin, 1);
pupilCOM, (bin, 2); beh_svd_time, (bin, component) of the face's motion; xyz, (3, neuron) um.

The authors publish nine as MATLAB files, `spont_<mouse>_<date>.mat`, at the rate of the microscope: Fsp, (neuron,
frame); med, (neuron, 3); and beh, a struct with runSpeed, pupil (area, com) and face (motionSVD), one row a frame.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from neuropipe.errors import BadInput
from neuropipe.readers.arrays import listed, only_file
from neuropipe.readers.matlab import open_variables
from neuropipe.readers.numpy_pickles import load_object_npy
from neuropipe.readers.responses import as_responses, column, fields_of, positions
from neuropipe.recording import Recording, Signals, TimeSeries
from neuropipe.recording.signals import check_sampling_rate
from neuropipe.registry import reader

FIELDS = ("sresp", "run", "pupilArea", "pupilCOM", "beh_svd_time", "xyz")


@reader("stringer_spontaneous", tools=("scipy",))
def read(files: Mapping[str, Path], *, bin_width: float | None = None, n_face: int = 16) -> Recording:
    """Deconvolved fluorescence of all neurons with running speed, pupil and face in the same bins.

    bin_width : s, of the file's bins or frames, as their publisher states it: no file does; n_face : components of the
    face's motion to keep, largest first
    units : x, y, z (um); behaviour : run, pupil_area, pupil_position (x, y), face (component 0, 1, ...), all in the
    arbitrary units of the file, NaN where the pupil was not seen
    """
    path, file = only_file(files, "an .npy or .mat file"), next(iter(files))
    if bin_width is None:
        raise BadInput(f"{file} doesn't say how long its bins are: give `bin_width: ` in s")
    rate = check_sampling_rate(1 / bin_width if bin_width else 0.0, "bin_width")
    if type(n_face) is not int or n_face < 1:
        raise BadInput(f"{file}: n_face is {n_face!r}; it must be a whole number, 1 or more")
    found = _of_matlab(path, file) if file.endswith(".mat") else load_object_npy(path, name=file)
    found = fields_of(found, FIELDS, file)
    values = as_responses(np.asarray(found["sresp"]).T, f"{file}: sresp")
    n_bins, n_units = values.shape
    times = np.arange(n_bins) * float(bin_width)
    face = _components(found["beh_svd_time"], n_bins, f"{file}: beh_svd_time")[:, :n_face]
    pupil = _components(found["pupilCOM"], n_bins, f"{file}: pupilCOM")
    if pupil.shape[1] != 2:
        raise BadInput(f"{file}: pupilCOM has {pupil.shape[1]} columns; expected x and y")
    return Recording(
        units=positions(np.asarray(found["xyz"]).T, n_units, f"{file}: xyz"),
        signals=Signals.whole(values, rate, "a.u."),
        behaviour={
            "run": TimeSeries(times, column(found["run"], n_bins, f"{file}: run")),
            "pupil_area": TimeSeries(times, column(found["pupilArea"], n_bins, f"{file}: pupilArea")),
            "pupil_position": TimeSeries(times, pupil, ("x", "y")),
            "face": TimeSeries(times, face, tuple(str(component) for component in range(face.shape[1]))),
        },
    )


def _of_matlab(path: Path, file: str) -> dict[str, Any]:
    """The fields of a MATLAB file, called as in the dictionary."""
    found = open_variables(path, file, {"Fsp", "med", "beh"})
    pupil, face = (_field(found["beh"], name, f"{file}: beh") for name in ("pupil", "face"))
    return {
        "sresp": found["Fsp"],
        "xyz": np.asarray(found["med"]).T,
        "run": _field(found["beh"], "runSpeed", f"{file}: beh"),
        "pupilArea": _field(pupil, "area", f"{file}: beh.pupil"),
        "pupilCOM": _field(pupil, "com", f"{file}: beh.pupil"),
        "beh_svd_time": _field(face, "motionSVD", f"{file}: beh.face"),
    }


def _field(struct: Any, name: str, where: str) -> Any:
    """A field of a MATLAB struct."""
    known = getattr(getattr(struct, "dtype", None), "names", None) or ()
    if name not in known or struct.size != 1:
        raise BadInput(f"{where} lacks {name}; it has {listed(known)}")
    return struct.ravel()[0][name]


def _components(values: Any, n_bins: int, where: str) -> np.ndarray:
    """(bin, component) float64"""
    array = np.asarray(values)
    if array.ndim != 2 or len(array) != n_bins or array.dtype.kind not in "iuf" or array.shape[1] == 0:
        raise BadInput(f"{where} is {array.dtype} {array.shape}; expected numbers with {n_bins} rows, one a bin")
    return np.ascontiguousarray(array, np.float64)
