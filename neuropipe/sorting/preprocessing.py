"""Voltage before it is sorted: dead and noisy channels, filter, reference, motion of the probe.

What is estimated from the data (`Prepared`) is kept; the filtered voltage itself is computed as it is read, wherever it
is needed, and never written.
"""

from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import Any, Literal

import numpy as np

from neuropipe.errors import BadInput
from neuropipe.recording import Voltage

LOOKS, SECONDS_PER_LOOK = 20, 0.5  # stretches of voltage that channels are judged by
DEAD, NOISY = 0.1, 5.0  # times the median of the channels' noise
CLIPPED = 0.01  # fraction of samples at the limits of the converter, from which a channel is of no use
CHANNELS_TO_REFERENCE = 16  # fewer hold the same units, whose spikes a median over channels would take away
DEPTH_TO_MOVE = 200.0  # um; a probe that is shorter shows no motion
CHANNELS_TO_MOVE = 16


@dataclass(frozen=True)
class Preprocessing:
    """How voltage is made ready for a sorter.

    freq_min, freq_max : Hz, of the Bessel band-pass filter of order 2; reference : `median` takes the median over good
    channels off where there are 16 or more, `none` doesn't; motion : preset of SpikeInterface by which motion along the
    probe is estimated (`dredge_fast`, `rigid_fast`, ...) or `none`; least_motion : um, what is estimated to move less
    is left as it is
    """

    freq_min: float = 150.0
    freq_max: float = 7000.0
    reference: Literal["median", "none"] = "median"
    motion: str = "dredge_fast"
    least_motion: float = 6.0


@dataclass(frozen=True)
class Prepared:
    """What was found in the voltage.

    settings : of the preprocessing; bad : (channel,) "" or why it is left out; noise : (channel,) uV, SD of the noise
    by the median absolute difference of neighbouring samples; clipped : (channel,) fraction of samples at the
    converter's limits
    motion_times : (time,) s from the first sample; motion_depths : (depth,) um; motion : (time, depth) um, 0 where
    there is none to estimate; corrected : whether it is corrected
    """

    settings: Preprocessing
    bad: np.ndarray
    noise: np.ndarray
    clipped: np.ndarray
    motion_times: np.ndarray = field(default_factory=lambda: np.zeros(1))
    motion_depths: np.ndarray = field(default_factory=lambda: np.zeros(1))
    motion: np.ndarray = field(default_factory=lambda: np.zeros((1, 1)))
    corrected: bool = False

    def document(self) -> dict[str, Any]:
        """As JSON, for the process of a sorter."""
        listed = {
            name: getattr(self, name).tolist()
            for name in ("bad", "noise", "clipped", "motion_times", "motion_depths", "motion")
        }
        return {"settings": asdict(self.settings), "corrected": self.corrected, **listed}

    @classmethod
    def of(cls, document: dict[str, Any]) -> "Prepared":
        """From JSON."""
        arrays = {
            name: np.array(value) for name, value in document.items() if name not in ("settings", "corrected", "bad")
        }
        return cls(
            settings=Preprocessing(**document["settings"]),
            corrected=document["corrected"],
            bad=np.array(document["bad"], dtype=object),
            **arrays,
        )


def prepare(voltage: Voltage, settings: Preprocessing, *, seed: int = 0) -> Prepared:
    """Judge the channels of a recording and estimate the motion of its probe.

    Raises BadInput where the filter doesn't suit the sampling rate, or no channel is left to sort.
    """
    if not 0 < settings.freq_min < settings.freq_max < voltage.sampling_rate / 2:
        raise BadInput(
            f"the filter passes {settings.freq_min:g} to {settings.freq_max:g} Hz of a recording at "
            f"{voltage.sampling_rate:g} Hz; both must ascend and lie below {voltage.sampling_rate / 2:g} Hz"
        )
    looks = _looks(voltage, seed)
    gain, offset = (voltage.channels[name].to_numpy(float) for name in ("gain", "offset"))
    if not all(np.isfinite(look).all() for look in looks):
        raise BadInput("the voltage holds values that are not finite: cut these stretches out, or set them to 0")
    clipped = _clipped(looks, np.dtype(voltage.samples.dtype))
    noise = _noise([look * gain + offset for look in looks])
    bad = _judged(noise, clipped)
    if (bad != "").all():
        reasons = ", ".join(f"{(bad == reason).sum()} {reason}" for reason in sorted(set(bad)))
        raise BadInput(f"none of {len(bad)} channels can be sorted ({reasons}): look at the raw voltage and its gain")
    prepared = Prepared(settings, bad, noise, clipped)
    return _with_motion(voltage, prepared, seed)


def preprocessed(voltage: Voltage, prepared: Prepared) -> Any:
    """The voltage as a SpikeInterface recording that filters as it is read: good channels in uV, motion corrected."""
    recording = _filtered(voltage, prepared)
    if not prepared.corrected:
        return recording
    from spikeinterface.core.motion import Motion
    from spikeinterface.sortingcomponents.motion import InterpolateMotionRecording

    motion = Motion(prepared.motion, prepared.motion_times, prepared.motion_depths)
    return InterpolateMotionRecording(
        recording,
        motion,
        border_mode="force_extrapolate",
        spatial_interpolation_method="kriging",
        sigma_um=20.0,
        p=2,
        dtype="float32",
    )


def _filtered(voltage: Voltage, prepared: Prepared) -> Any:
    from spikeinterface import preprocessing as steps

    from neuropipe.sorting.spikeinterface_objects import as_spikeinterface

    settings = prepared.settings
    recording = as_spikeinterface(voltage)
    if "sample_shift" in voltage.channels and np.ptp(voltage.channels["sample_shift"]) > 0:
        recording = steps.phase_shift(recording)
    recording = steps.bandpass_filter(
        steps.scale_to_uV(recording),
        freq_min=settings.freq_min,
        freq_max=settings.freq_max,
        ftype="bessel",
        filter_order=2,
        dtype="float32",
    )
    good = np.flatnonzero(prepared.bad == "")
    if len(good) < len(prepared.bad):
        recording = recording.select_channels(recording.channel_ids[good])
    if settings.reference == "median" and len(good) >= CHANNELS_TO_REFERENCE:
        recording = steps.common_reference(recording, reference="global", operator="median")
    return recording


def _looks(voltage: Voltage, seed: int) -> list[np.ndarray]:
    """Short stretches of the raw samples, spread over the recording."""
    n_samples, length = voltage.samples.shape[0], int(SECONDS_PER_LOOK * voltage.sampling_rate)
    if n_samples <= LOOKS * length:
        return [np.asarray(voltage.samples[slice(0, n_samples)], np.float32)]
    edges = np.linspace(0, n_samples - length, LOOKS + 1).astype(np.int64)
    rng = np.random.default_rng(seed)
    starts = [int(rng.integers(first, last)) for first, last in pairwise(edges)]
    return [np.asarray(voltage.samples[slice(start, start + length)], np.float32) for start in starts]


def _clipped(looks: list[np.ndarray], dtype: np.dtype) -> np.ndarray:
    """(channel,) fraction of samples at the limits of their type, or of repeated extremes of a smaller converter."""
    n_channels = looks[0].shape[1]
    if dtype.kind != "i":
        return np.zeros(n_channels)
    every = np.concatenate(looks)
    limits = np.iinfo(dtype)
    high = np.where(every.max(axis=0) > limits.max // 8, every.max(axis=0), np.inf)
    low = np.where(every.min(axis=0) < limits.min // 8, every.min(axis=0), -np.inf)
    at_limit = ((every >= high) | (every <= low)).mean(axis=0)
    return np.where(at_limit > 2 / len(every), at_limit, 0.0)


def _noise(looks: list[np.ndarray]) -> np.ndarray:
    """(channel,) uV, SD of the differences of neighbouring samples, by their median absolute deviation."""
    steps = np.concatenate([np.diff(look, axis=0) for look in looks])
    return np.median(np.abs(steps - np.median(steps, axis=0)), axis=0) / 0.6745 / np.sqrt(2)


def _judged(noise: np.ndarray, clipped: np.ndarray) -> np.ndarray:
    typical = np.median(noise[noise > 0]) if (noise > 0).any() else 0.0
    bad = np.full(len(noise), "", dtype=object)
    bad[noise > NOISY * typical] = "noisy"
    bad[noise <= DEAD * typical] = "dead"
    bad[clipped > CLIPPED] = "saturated"
    return bad


def _with_motion(voltage: Voltage, prepared: Prepared, seed: int) -> Prepared:
    """With the motion of the probe, where it is long enough to tell."""
    from dataclasses import replace

    good = voltage.channels[prepared.bad == ""]
    short = len(good) < CHANNELS_TO_MOVE or np.ptp(good["y"]) < DEPTH_TO_MOVE
    if prepared.settings.motion == "none" or short:
        return prepared
    from spikeinterface.core import get_noise_levels
    from spikeinterface.preprocessing import get_motion_presets
    from spikeinterface.preprocessing.motion import compute_motion

    if prepared.settings.motion not in get_motion_presets():
        known = ", ".join(["none", *get_motion_presets()])
        raise BadInput(f"motion is {prepared.settings.motion!r}; give one of {known}")
    recording = _filtered(voltage, prepared)
    noise = get_noise_levels(recording, return_in_uV=False, random_slices_kwargs={"seed": seed})
    motion = compute_motion(
        recording,
        preset=prepared.settings.motion,
        detect_kwargs={"noise_levels": noise},
        raise_error=True,
        n_jobs=1,
        progress_bar=False,
    )
    along = np.asarray(motion.displacement[0], np.float64)
    along = along - np.median(along)
    size = float(np.ptp(np.percentile(along, [2, 98])))
    return replace(
        prepared,
        motion=along,
        motion_times=np.asarray(motion.temporal_bins_s[0], np.float64),
        motion_depths=np.asarray(motion.spatial_bins_um, np.float64),
        corrected=size >= prepared.settings.least_motion,
    )
