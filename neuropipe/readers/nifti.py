"""Reads fMRI: BOLD volumes in NIfTI, a mask of voxels, and a text file with the condition and run of every volume."""

import gzip
import math
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from neuropipe.errors import BadInput
from neuropipe.readers.arrays import listed
from neuropipe.recording import Recording, Signals
from neuropipe.recording.signals import check_sampling_rate
from neuropipe.registry import reader

GZIP_MAGIC = b"\x1f\x8b"
LARGEST_RATIO = 1100  # by which gzip can shrink: more bytes than that are not in the file, whatever the header says


@reader("nifti", tools=("nibabel",))
def read(
    files: Mapping[str, Path],
    *,
    bold: str = "bold.nii.gz",
    mask: str = "",
    labels: str = "",
    rest: str = "rest",
    volume_interval: float | None = None,
    unit: str = "a.u.",
    exclude_runs: tuple[int, ...] = (),
) -> Recording:
    """BOLD of the voxels in a mask, a run after another, with a row of the trial table for each block of a condition.

    bold, mask, labels : names of files; mask empty: every voxel that varies; labels : two columns, condition and run of
    each volume, empty where there are none. rest : the condition that is no trial; volume_interval : s between volumes,
    where the header doesn't say it; exclude_runs : runs that are left out
    units : voxel (i, j, k), its numbers and its place (x, y, z) in mm; trials : start, stop (s), condition, run;
    epochs : the runs. The clock counts scanning time: pauses between runs are not in the file. Condition labels are
    taken as they are: the response of the blood follows the stimulus by about 5 s, so say a lag in the task's window.
    """
    image = _image(files, bold)
    data = image.data
    if data.ndim != 4:
        raise BadInput(f"{bold} has {data.ndim} axes, {data.shape}; BOLD has four: x, y, z and time")
    interval = _interval(image.header, volume_interval, bold)
    inside = _inside(files, mask, data) if mask else np.ptp(data, axis=3) > 0
    values = data[inside].T.astype(np.float32)
    if values.shape[1] == 0:
        raise BadInput(f"{mask or bold} leaves no voxel; give a mask that is not 0 everywhere")
    if not np.isfinite(values).all():
        bad = int((~np.isfinite(values).all(axis=0)).sum())
        raise BadInput(f"{bold}: {bad} of {values.shape[1]} voxels hold NaN or infinity; leave them out of the mask")
    voxels = np.argwhere(inside)
    places = voxels @ image.affine[:3, :3].T + image.affine[:3, 3]
    units = pd.DataFrame({"voxel": [", ".join(map(str, voxel)) for voxel in voxels.tolist()]})
    units[["i", "j", "k"]] = voxels
    units[["x", "y", "z"]] = places.astype(np.float64)
    if not labels:
        return Recording(units=units, signals=Signals.whole(values, 1 / interval, unit))
    table = _volumes(files, labels, len(values))
    kept = ~table["run"].isin(exclude_runs).to_numpy()
    if not kept.any():
        raise BadInput(f"exclude_runs leaves no run of {table['run'].nunique()}; name fewer")
    table, values = table[kept].reset_index(drop=True), values[kept]
    segments = _stretches(table["run"].to_numpy())
    signals = Signals(np.ascontiguousarray(values), 1 / interval, unit, segments, segments[:, 0] * interval)
    names = [f"run {table['run'].iloc[first]}" for first, _ in segments]
    epochs = pd.DataFrame({"name": names, "start": segments[:, 0] * interval, "stop": segments[:, 1] * interval})
    return Recording(units=units, trials=_blocks(table, rest, interval, labels), epochs=epochs, signals=signals)


@dataclass(frozen=True)
class Image:
    """data : voxels with axes x, y, z and, of a series, time; affine : (4, 4) from voxels to mm; header : of nibabel"""

    data: np.ndarray
    affine: np.ndarray
    header: Any


def _image(files: Mapping[str, Path], name: str) -> Image:
    """A NIfTI image; raises BadInput where the file is damaged, or holds less than its header claims."""
    if name not in files:
        raise BadInput(f"there is no file {name} among {listed(files)}; name it in the parameters")
    path = Path(files[name])
    if not path.is_file():
        raise BadInput(f"the file {name} is not there: no such file as {path}")
    try:
        return _open(path, name)
    except BadInput:
        raise
    except (OSError, EOFError, zlib.error) as error:
        raise BadInput(f"{name} is damaged or cut short ({error}); fetch it again") from error
    except Exception as error:  # nibabel raises many kinds of errors for what is no NIfTI
        raise BadInput(f"{name} can't be read as NIfTI: {error}") from error


def _open(path: Path, name: str) -> Image:
    """The image of a file, compressed or not, whatever its name: a cached download has none of its own."""
    import nibabel

    with path.open("rb") as plain:
        packed = plain.read(2) == GZIP_MAGIC
    with gzip.open(path) if packed else path.open("rb") as file:
        size = file.read(4)
        second = size in (struct.pack("<i", 540), struct.pack(">i", 540))  # bytes of a header of version 2
        kind: Any = nibabel.Nifti2Image if second else nibabel.Nifti1Image
        file.seek(0)
        header = kind.header_class.from_fileobj(file)
        shape, dtype = tuple(int(n) for n in header.get_data_shape()), header.get_data_dtype()
        claimed = math.prod(shape) * dtype.itemsize
        if claimed > path.stat().st_size * (LARGEST_RATIO if packed else 1):
            raise BadInput(f"{name} claims {claimed:,} bytes of voxels, more than it can hold; fetch it again")
        file.seek(0)
        image = kind.from_stream(file)
        return Image(np.asarray(image.dataobj), np.asarray(image.affine), image.header)


def _interval(header: Any, given: float | None, name: str) -> float:
    """s between volumes: as given, else as in the header; raises BadInput where neither says it."""
    if given is not None:
        return 1 / check_sampling_rate(1 / given if given else 0.0, "volume_interval")
    unit = header.get_xyzt_units()[1]
    seconds = float(header.get_zooms()[3]) * {"sec": 1.0, "msec": 1e-3, "usec": 1e-6}.get(unit, 0.0)
    if not (np.isfinite(seconds) and seconds > 0):
        raise BadInput(
            f"the header of {name} doesn't say how long a volume takes (unit: {unit}); give `volume_interval` in s"
        )
    return seconds


def _inside(files: Mapping[str, Path], mask: str, data: np.ndarray) -> np.ndarray:
    found = _image(files, mask).data
    if found.shape != data.shape[:3]:
        raise BadInput(f"{mask} is {found.shape}, but the volumes are {data.shape[:3]}; give a mask of the same voxels")
    return found > 0


def _volumes(files: Mapping[str, Path], labels: str, n_volumes: int) -> pd.DataFrame:
    """condition and run of each volume."""
    if labels not in files:
        raise BadInput(f"there is no file {labels} among {listed(files)}; name it in the parameters")
    try:
        lines = Path(files[labels]).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{labels} can't be read as text: {error}") from error
    rows = [line.split() for line in lines if line.strip()]
    if rows and len(rows[0]) == 2 and not rows[0][1].lstrip("-").isdigit():
        rows = rows[1:]  # a header
    for number, row in enumerate(rows, start=1):
        if len(row) != 2 or not row[1].lstrip("-").isdigit():
            raise BadInput(f"{labels}: row {number} is {' '.join(row)!r}; each row is a condition and a run's number")
    if len(rows) != n_volumes:
        raise BadInput(f"{labels} has {len(rows)} rows for {n_volumes} volumes; give one for each volume")
    return pd.DataFrame({"condition": [row[0] for row in rows], "run": [int(row[1]) for row in rows]})


def _stretches(codes: np.ndarray) -> np.ndarray:
    """(stretch, 2): first and one after the last of equal neighbours."""
    edges = np.flatnonzero(codes[1:] != codes[:-1]) + 1
    return np.stack([np.concatenate([[0], edges]), np.concatenate([edges, [len(codes)]])], axis=1).astype(np.int64)


def _blocks(table: pd.DataFrame, rest: str, interval: float, file: str) -> pd.DataFrame:
    """A row per block of a condition: volumes of one condition and run that follow each other, rest dropped."""
    both = pd.factorize(pd.MultiIndex.from_frame(table))[0]
    spans = _stretches(both)
    first = table.iloc[spans[:, 0]]
    blocks = pd.DataFrame(
        {
            "start": spans[:, 0] * interval,
            "stop": spans[:, 1] * interval,
            "condition": first["condition"].to_numpy(),
            "run": first["run"].to_numpy(),
        }
    )
    blocks = blocks[blocks["condition"] != rest].reset_index(drop=True)
    if blocks.empty:
        raise BadInput(f"{file} holds no condition but {rest!r}; name what is rest with `rest`")
    conditions = blocks.groupby("run", sort=False)["condition"].nunique()
    if (conditions < 2).any():
        run = conditions.index[int(np.argmax(conditions.to_numpy() < 2))]
        only = blocks.loc[blocks["run"] == run, "condition"].iloc[0]
        raise BadInput(
            f"{file}: run {run} holds blocks of {only!r} only, so condition and run can't be told apart there; leave "
            f"it out with `exclude_runs: [{run}]`"
        )
    return blocks
