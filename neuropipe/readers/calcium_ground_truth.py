"""Reads the MATLAB files of the CASCADE ground truth: dF/F of a neuron with its true spikes (Rupprecht et al. 2021).

`CAttached` is a row of structs, one per recording of the same neuron, which was imaged while an electrode recorded its
spikes: fluo_time, s; fluo_mean, dF/F; events_AP, spike times in 1e-4 s, padded with NaN.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from neuropipe.errors import BadInput
from neuropipe.readers.arrays import listed, only_file
from neuropipe.readers.matlab import open_variables
from neuropipe.recording import Fluorescence, Recording, SpikeTrains
from neuropipe.registry import reader

VARIABLE, FIELDS = "CAttached", ("fluo_time", "fluo_mean", "events_AP")
EVENT_UNIT = 1e-4  # s
SAME_RATE = 1e-3  # largest relative difference between frame intervals of one rate; clocks differ by up to 1e-4


@reader("calcium_ground_truth", truth=True, tools=("scipy",))
def read(files: Mapping[str, Path], *, recordings: Sequence[int] | None = None) -> Recording:
    """One neuron with its true spikes; each of its recordings becomes one ROI.

    recordings : numbers of the recordings to read, counted from 1; default: all. A file that holds recordings of
        several frame rates is read as several sessions, one per rate.

    Every recording has its own clock. All are placed on the frame times of the longest one, frame by frame and each
    with its spikes; shorter recordings end in NaN. The electrode may have recorded for longer than the microscope.
    """
    path, file = only_file(files, "a MATLAB file"), next(iter(files))
    where = f"{file}: {VARIABLE}"
    pieces = _chosen(_pieces(open_variables(path, file, {VARIABLE})[VARIABLE], where), recordings, where)
    frame_times = max((piece.times for piece in pieces), key=len)
    dff = np.full((len(frame_times), len(pieces)), np.nan, np.float32)
    trains = []
    for column, piece in enumerate(pieces):
        dff[: len(piece.dff), column] = piece.dff
        trains.append(_on_common_clock(piece, frame_times, where))
    truth = SpikeTrains.from_list(trains)
    return Recording(
        units=pd.DataFrame(
            {
                "neuron": Path(file).stem,
                "recording": [piece.number - 1 for piece in pieces],
                "true_spikes": np.diff(truth.offsets),
            }
        ),
        fluorescence=Fluorescence(dff, frame_times),
        truth={"spike_times": truth.times, "spike_offsets": truth.offsets},
    )


@dataclass(frozen=True)
class _Piece:
    """One recording.

    number : its place in the file, from 1; times : (time,) s; dff : (time,); spikes : (spike,) s, ascending
    """

    number: int
    times: np.ndarray
    dff: np.ndarray
    spikes: np.ndarray

    @property
    def interval(self) -> float:
        """Median time between frames, s."""
        return float(np.median(np.diff(self.times)))


def _chosen(pieces: list[_Piece], numbers: Sequence[int] | None, where: str) -> list[_Piece]:
    if numbers is None:
        return pieces
    known = {piece.number: piece for piece in pieces}
    whole = isinstance(numbers, list | tuple) and all(type(number) is int for number in numbers)
    if not whole or not numbers or len(set(numbers)) < len(numbers) or not set(numbers) <= set(known):
        raise BadInput(
            f"{where}: `recordings` is {numbers!r}; expected different numbers among "
            f"{', '.join(map(str, sorted(known)))}, which are the recordings with fluorescence"
        )
    return [known[number] for number in numbers]


def _on_common_clock(piece: _Piece, frame_times: np.ndarray, where: str) -> np.ndarray:
    """Spike times of a recording whose frames are placed at the first of `frame_times`."""
    common = frame_times[: len(piece.times)]
    interval = float(np.median(np.diff(frame_times)))
    if abs(piece.interval / interval - 1) > SAME_RATE:
        raise BadInput(
            f"{where}{{{piece.number}}} has a frame every {piece.interval:.4g} s, the longest recording every "
            f"{interval:.4g} s; name recordings of one frame rate in the parameter `recordings`"
        )
    shift = common[0] - piece.times[0]
    drift = np.abs(piece.times + shift - common).max()
    if abs(shift) < interval and drift < interval / 2:
        return piece.spikes + shift
    # The recording starts some frames late, or the clocks drift apart: spikes keep their place between two frames.
    return piece.spikes + np.interp(piece.spikes, piece.times, common - piece.times)


def _pieces(cells: Any, where: str) -> list[_Piece]:
    """The recordings that hold fluorescence."""
    if not isinstance(cells, np.ndarray) or cells.dtype != object or cells.size == 0:
        raise BadInput(f"{where} is no cell array of structs, one a recording")
    pieces = []
    for number, cell in enumerate(cells.ravel(), start=1):
        here = f"{where}{{{number}}}"
        known = getattr(getattr(cell, "dtype", None), "names", None) or ()
        missing = [name for name in FIELDS if name not in known]
        if len(missing) == len(FIELDS) and known and all(_is_empty(cell, name) for name in known):
            continue  # nothing was recorded
        if missing or cell.size != 1:
            raise BadInput(f"{here} lacks {listed(missing)}; it has {listed(known)}")
        times, dff, events = (_numbers(cell.ravel()[0][name], f"{here}.{name}") for name in FIELDS)
        pieces.append(_piece(number, times, dff, events, here))
    if not pieces:
        raise BadInput(f"{where} holds no recording with {listed(FIELDS)}")
    return pieces


def _piece(number: int, times: np.ndarray, dff: np.ndarray, events: np.ndarray, where: str) -> _Piece:
    """A recording without its padding: frames after the last one with a time, and a last frame listed twice."""
    if len(times) != len(dff):
        raise BadInput(f"{where} has {len(dff)} values of fluo_mean at {len(times)} times; give one a frame")
    n_frames = np.flatnonzero(np.isfinite(times))[-1] + 1 if np.isfinite(times).any() else 0
    times, dff = times[:n_frames], dff[:n_frames]
    if n_frames > 2 and times[-1] == times[-2]:
        times, dff = times[:-1], dff[:-1]
    if len(times) < 2:
        raise BadInput(f"{where} has {len(times)} frames with a time; expected two or more")
    if not np.all(np.diff(times) > 0):  # NaN fails too
        frame = int(np.argmin(np.diff(times) > 0)) + 1
        raise BadInput(
            f"{where}.fluo_time: frame times run backwards: frame {frame} is at {times[frame]} s, the one before it at "
            f"{times[frame - 1]} s"
        )
    return _Piece(number, times, dff, np.sort(events[~np.isnan(events)]) * EVENT_UNIT)


def _is_empty(cell: np.ndarray, name: str) -> bool:
    return all(np.size(value) == 0 for value in cell[name].ravel())


def _numbers(values: Any, where: str) -> np.ndarray:
    if not isinstance(values, np.ndarray) or values.dtype.kind not in "buif":
        raise BadInput(f"{where} is no array of numbers")
    return values.ravel().astype(np.float64)
