"""Reads the folder that suite2p writes for a plane: F.npy, Fneu.npy and, if it was curated, iscell.npy.

stat.npy and ops.npy are pickles, which can run code when they are opened: they may be listed, but are never opened.
"""

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pandas as pd

from neuropipe.errors import BadInput
from neuropipe.readers.archives import load_npy
from neuropipe.readers.arrays import listed
from neuropipe.readers.folders import Folder, Found, with_trials
from neuropipe.readers.frames import frame_times_at
from neuropipe.readers.trials_csv import trials_of
from neuropipe.recording import Fluorescence, Recording
from neuropipe.registry import reader

NEEDED = ("F.npy", "Fneu.npy")


@reader("suite2p", tools=("scipy",), folder="in_folder", folder_is="F.npy and Fneu.npy of suite2p")
def read(
    files: Mapping[str, Path],
    *,
    frame_rate: float | None = None,
    only_cells: bool = True,
    neuropil: float = 0.7,
    window: float = 60.0,
    quantile: float = 0.08,
) -> Recording:
    """dF/F of the ROIs of a suite2p folder: neuropil is subtracted, the baseline is a running quantile.

    frame_rate : Hz; only_cells : leave out ROIs that iscell.npy calls no cell; neuropil : fraction of Fneu that is
    subtracted; window (s), quantile : of the running baseline. ROIs that are dimmer than their surroundings have a
    baseline of 0 or less, and no dF/F: they are left out. `trials.csv` beside them holds the trials.
    """
    from neuropipe.calcium.baseline import delta_f_over_f, subtract_neuropil

    missing = [name for name in NEEDED if name not in files]
    if missing:
        raise BadInput(f"a suite2p folder needs {listed(NEEDED)}; there is no {listed(missing)} among {listed(files)}")
    if frame_rate is None:
        raise BadInput(
            "the frame rate is not known: suite2p keeps it in ops.npy (`fs`), a pickle, which is never opened; give "
            "`frame_rate: ` in Hz in the parameters"
        )
    raw, surround = (_matrix(files[name], name) for name in NEEDED)
    if raw.shape != surround.shape:
        raise BadInput(f"F.npy is {raw.shape} and Fneu.npy {surround.shape}; both must be (roi, time) of the same ROIs")
    times = frame_times_at(raw.shape[1], frame_rate, "the parameters of a suite2p folder")
    units = pd.DataFrame({"roi": np.arange(len(raw))})
    if "iscell.npy" in files:
        units = units.join(_curation(files["iscell.npy"], len(raw)))
        if only_cells:
            units = units[units["is_cell"]]
    kept = units["roi"].to_numpy()
    if len(kept) == 0:
        raise BadInput(f"iscell.npy calls none of {len(raw)} ROIs a cell; give `only_cells: false` to take all")
    own = subtract_neuropil(raw[kept].T, surround[kept].T, neuropil)
    dff = delta_f_over_f(own, frame_rate, window=window, quantile=quantile)
    bright = np.isfinite(dff).all(axis=0)
    if not bright.any():
        raise BadInput(
            f"no ROI is brighter than {neuropil:g} x its neuropil, so none has dF/F; give a smaller `neuropil` (0 if F "
            "was corrected already)"
        )
    return Recording(
        units=units[bright].reset_index(drop=True),
        trials=trials_of(files),
        fluorescence=Fluorescence(np.ascontiguousarray(dff[:, bright]), times),
    )


def in_folder(folder: Folder, parameters: Mapping[str, Any]) -> list[Found]:
    """The planes of a suite2p folder: those with F.npy and Fneu.npy."""
    found = []
    for file in folder.named(NEEDED[0]):
        beside = folder.beside(file)
        if NEEDED[1] in beside:
            own = {name: beside[name] for name in (*NEEDED, "iscell.npy") if name in beside}
            found.append(Found(str(PurePosixPath(file).parent), with_trials(folder, file, own)))
    return found


def _matrix(path: Path, name: str) -> np.ndarray:
    values = load_npy(path, name=name)
    if values.ndim != 2 or values.dtype.kind not in "iuf" or 0 in values.shape:
        raise BadInput(f"{name} holds {values.dtype} {values.shape}; fluorescence is numbers, (roi, time)")
    if not np.isfinite(values).all():
        roi, frame = (int(index) for index in np.argwhere(~np.isfinite(values))[0])
        raise BadInput(f"{name} holds {values[roi, frame]} in ROI {roi} at frame {frame}; suite2p writes none of these")
    return values.astype(np.float32, copy=False)


def _curation(path: Path, n_roi: int) -> pd.DataFrame:
    values = load_npy(path, name="iscell.npy")
    if values.shape != (n_roi, 2) or values.dtype.kind not in "biuf":
        raise BadInput(f"iscell.npy is {values.dtype} {values.shape}; expected ({n_roi}, 2): is it one, how surely")
    return pd.DataFrame({"is_cell": values[:, 0] > 0, "probability": values[:, 1].astype(np.float64)})
