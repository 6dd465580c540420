"""Recording: a session in standard form, as the stage `recording` stores it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd

from neuropipe.errors import BadInput
from neuropipe.recording import BinaryFile, Movie, TimeCounts, TimeSeries, Voltage
from neuropipe.recording import Recording as MadeRecording
from neuropipe.schemas.base import ArraySpec, Schema, array, document, table
from neuropipe.schemas.chunks import roi_chunks
from neuropipe.schemas.signals import signal_facts, signal_fields
from neuropipe.sorting.binary import write_samples

SPIKES_PER_CHUNK = 1 << 20
MOVIE_BYTES_PER_CHUNK = 8 << 20
VOLTAGE_FILE = "voltage.raw"


@dataclass(frozen=True, kw_only=True)
class Recording(Schema):
    """One session. units : a row per unit, ROI or channel; trials : a row per trial; and one kind of data.

    times : (spike,) s, ascending within each unit; offsets : (unit + 1,), unit u owns times[offsets[u]:offsets[u + 1]]
    counts : (trial, bin, unit) or (time, unit), published already binned; bin_width, start : s
    dff : (time, unit), NaN where an ROI was not recorded; movie : (time, y, x); frame_times : (time,) s
    signals : (time, unit), of channels or voxels, with sampling_rate (Hz) and quantity (uV, ...); segments :
    (segment, 2) first sample and the one after the last of each stretch without pause; segment_starts : (segment,) s
    voltage : where raw voltage lies, one binary (time, channel) that sorters address as it is: `file` (of this
    artifact, or the session's raw file that needs no other form, then with its `sha256`), dtype, samples, width and
    columns of the file, skip (bytes), sampling_rate (Hz), start (s); channels : a row per channel, as in
    neuropipe.recording.Voltage
    behaviour : name -> TimeSeries; truth : name -> array, what a simulation or a second instrument knows
    """

    units: pd.DataFrame = table("unit")
    trials: pd.DataFrame | None = table("trial", optional=True)
    epochs: pd.DataFrame | None = table("epoch", "name", "start", "stop", optional=True)
    times: Any = array("spike", kinds="f", finite=True, optional=True)
    offsets: Any = array("unit_edge", kinds="i", optional=True)
    trial_counts: Any = array("trial", "bin", "unit", kinds="u", optional=True)
    time_counts: Any = array("time", "unit", kinds="u", optional=True)
    dff: Any = array("time", "unit", kinds="f", optional=True)
    movie: Any = array("time", "y", "x", kinds="ui", optional=True)
    frame_times: Any = array("time", kinds="f", finite=True, optional=True)
    signals: Any = array("time", "unit", kinds="f", finite=True, optional=True)
    segments: Any = array("segment", "edge", kinds="i", optional=True)
    segment_starts: Any = array("segment", finite=True, optional=True)
    channels: pd.DataFrame | None = table("channel", "x", "y", "gain", "offset", optional=True)
    voltage: Mapping[str, Any] | None = document(optional=True)
    bin_width: float | None = None
    start: float | None = None
    sampling_rate: float | None = None
    quantity: str | None = None
    voltage_source: Any = None
    behaviour: Mapping[str, TimeSeries] = field(default_factory=dict)
    truth: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, made: MadeRecording, raw_file: tuple[str, str] | None = None) -> Self:
        """A recording as readers and simulators return it, with what people want to know of it.

        raw_file : name and sha256 of the session's file in which voltage lies as sorters read it; it isn't copied
        """
        parts: dict[str, Any] = {"units": made.units, "trials": made.trials, "epochs": made.epochs}
        facts: dict[str, Any] = {"n_units": len(made.units)}
        if made.trials is not None:
            facts["n_trials"] = len(made.trials)
        if made.spikes is not None:
            parts |= {"times": made.spikes.times, "offsets": made.spikes.offsets}
            facts["n_spikes"] = len(made.spikes.times)
        if made.counts is not None:
            name = "time_counts" if isinstance(made.counts, TimeCounts) else "trial_counts"
            parts |= {name: made.counts.counts, "bin_width": made.counts.bin_width, "start": made.counts.start}
        if made.fluorescence is not None:
            parts |= {"dff": made.fluorescence.dff, "frame_times": made.fluorescence.frame_times}
            facts |= {
                **_frame_facts(made.fluorescence),
                "not_recorded": round(float(np.isnan(made.fluorescence.dff).mean()), 4),
            }
        if made.movie is not None:
            parts |= {"movie": made.movie.frames, "frame_times": made.movie.frame_times}
            _, height, width = made.movie.frames.shape
            facts |= {**_frame_facts(made.movie), "height": height, "width": width}
        if made.signals is not None:
            parts |= signal_fields(made.signals)
            facts |= signal_facts(made.signals)
        if made.voltage is not None:
            parts |= {"channels": made.voltage.channels, "voltage": _address(made.voltage, raw_file)}
            parts["voltage_source"] = made.voltage.samples
            n_channels = len(made.voltage.channels)
            facts |= {"channels": n_channels, "sampling_rate": made.voltage.sampling_rate}
            facts |= {"seconds": round(made.voltage.duration, 3)}
        return cls(**parts, behaviour=made.behaviour, truth=made.truth, facts=facts | dict(made.notes))

    @property
    def counts(self) -> Any:
        """Counts that were published already binned, with (trial, bin, unit) or (time, unit) axes; else None."""
        return self.trial_counts if self.trial_counts is not None else self.time_counts

    @property
    def frames(self) -> Movie:
        """The movie, to be read in stretches of time (`frame_blocks`)."""
        return Movie(self.movie, self.frame_times[:])

    def raw_voltage(self, files: Mapping[str, Path]) -> Voltage:
        """The voltage, to be read in blocks of time. files : the session's verified raw files, by name"""
        address = self.voltage
        if address is None or self.channels is None:
            raise BadInput("the recording holds no raw voltage to sort")
        if "sha256" in address and address["file"] not in files:
            raise BadInput(f"the raw file {address['file']} of the recording is not at hand")
        path = self.voltage_source if "sha256" not in address else files[address["file"]]
        return Voltage(BinaryFile.at(Path(path), address), address["sampling_rate"], self.channels, address["start"])

    def series(self, name: str) -> TimeSeries:
        """A behavioural series in memory."""
        if name not in self.behaviour:
            known = ", ".join(sorted(self.behaviour)) or "none"
            raise BadInput(f"no behavioural series is called {name!r}; the recording has {known}")
        found = self.behaviour[name]
        return TimeSeries(found.times[:], found.values[:], found.columns)

    @classmethod
    def read(cls, artifact: Any) -> Self:
        found = super().read(artifact)
        counts, signals = found.counts, found.signals
        return cls(
            **{name: getattr(found, name) for name in cls.specs()},
            bin_width=counts.attrs["bin_width"] if counts is not None else None,
            start=counts.attrs["start"] if counts is not None else None,
            sampling_rate=signals.attrs["sampling_rate"] if signals is not None else None,
            quantity=signals.attrs["quantity"] if signals is not None else None,
            voltage_source=artifact.folder(VOLTAGE_FILE) if found.voltage is not None else None,
            behaviour={
                name: TimeSeries(group["times"], group["values"], tuple(group["values"].attrs.get("columns", ())))
                for name, group in artifact.groups("behaviour")
            },
            truth=dict(artifact.arrays_in("truth")),
            facts=found.facts,
        )

    def write(self, draft: Any) -> None:
        for name in ("units", "trials", "epochs", "channels"):
            if getattr(self, name) is not None:
                draft.table(name, getattr(self, name))
        if self.voltage is not None:
            draft.json("voltage", dict(self.voltage))
            if "sha256" not in self.voltage:
                write_samples(self.voltage_source, draft.data / VOLTAGE_FILE)
        of_counts = {"bin_width": self.bin_width, "start": self.start}
        of_signals = {"sampling_rate": self.sampling_rate, "quantity": self.quantity}
        attributes = {"trial_counts": of_counts, "time_counts": of_counts, "signals": of_signals}
        for name, spec in self.specs().items():
            value = getattr(self, name)
            if value is not None and isinstance(spec, ArraySpec):
                value = _Streamed(value, self.chunks(name)) if name == "movie" else value
                draft.array(name, value, dims=spec.dims, attributes=attributes.get(name, {}), chunks=self.chunks(name))
        for name, series in self.behaviour.items():
            dims = (f"{name}_time", f"{name}_column")
            draft.array(f"behaviour/{name}/times", series.times, dims=dims[:1])
            attributes = {"columns": list(series.columns)}
            draft.array(
                f"behaviour/{name}/values", series.values, dims=dims[: series.values.ndim], attributes=attributes
            )
        for name, values in self.truth.items():
            values = np.asarray(values)
            draft.array(f"truth/{name}", values, dims=tuple(f"{name}_{axis}" for axis in range(values.ndim)))

    def to_pynapple(self) -> Any:
        """The spike trains as a pynapple TsGroup, with the columns of the unit table as its metadata."""
        import pynapple

        if self.times is None:
            raise BadInput("the recording holds no spike times; a TsGroup is made of spike times")
        times, offsets = self.times[:], self.offsets[:]
        trains = {
            unit: pynapple.Ts(times[offsets[unit] : offsets[unit + 1]], time_units="s")
            for unit in range(len(offsets) - 1)
        }
        return pynapple.TsGroup(trains, metadata=self.units.reset_index(drop=True))

    def chunks(self, name: str) -> tuple[int, ...] | None:
        value = getattr(self, name)
        if name == "times":
            return (min(SPIKES_PER_CHUNK, max(1, len(value))),)
        if name in ("dff", "signals"):
            return roi_chunks(value.shape)
        if name == "movie":
            n_frames, height, width = value.shape
            bytes_per_frame = height * width * np.dtype(value.dtype).itemsize
            return max(1, min(n_frames, MOVIE_BYTES_PER_CHUNK // bytes_per_frame)), height, width
        return None


def _frame_facts(frames: Any) -> dict[str, Any]:
    return {
        "frames": len(frames.frame_times),
        "frame_rate": round(frames.frame_rate, 3),
        "frames_skipped": frames.n_skipped,
    }


def _address(voltage: Voltage, raw_file: tuple[str, str] | None) -> dict[str, Any]:
    """Where the samples of voltage lie: in a file of the artifact, or in a raw file."""
    samples = voltage.samples
    clock = {"sampling_rate": float(voltage.sampling_rate), "start": float(voltage.start)}
    if raw_file is not None and isinstance(samples, BinaryFile):
        return {"file": raw_file[0], "sha256": raw_file[1], **samples.address(), **clock}
    n_samples, n_channels = map(int, samples.shape)
    written = BinaryFile(Path(VOLTAGE_FILE), np.dtype(samples.dtype), n_samples, n_channels)
    return {"file": VOLTAGE_FILE, **written.address(), **clock}


class _Streamed:
    """Frames of a movie, written block by block as they are read."""

    def __init__(self, frames: Any, chunks: tuple[int, ...] | None):
        self.shape, self.dtype, self.chunks = tuple(frames.shape), frames.dtype, chunks
        self.blocks = (((block, slice(None), slice(None)), frames[block]) for block in frame_blocks(self))


def frame_blocks(movie: Any) -> Iterator[slice]:
    """The frames of a (time, y, x) Zarr array, chunk by chunk: a movie need not fit into memory."""
    step = movie.chunks[0]
    for first in range(0, movie.shape[0], step):
        yield slice(first, min(first + step, movie.shape[0]))
