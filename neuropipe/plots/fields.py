"""Pictures of continuous signals: a stretch of them, power spectra and coherence, event-related potentials."""

from typing import TYPE_CHECKING, Any

import numpy as np

from neuropipe.plots.style import GREY, MARKERS, PALETTE, blank

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from neuropipe.schemas.signals import Evoked, Features, Spectra

MOST_DRAWN = 16  # channels in one picture
SECONDS = 10.0
FEWEST_SAMPLES = 240  # slow signals are drawn longer
MOST_PAIRS = 6


def stretch_of_signals(made: "Features") -> "Figure":
    """A stretch from the middle of the longest segment: one line per feature, apart by six standard deviations."""
    segments = made.segments[:]
    longest = int(np.argmax(np.diff(segments, axis=1)))
    first, stop = (int(edge) for edge in segments[longest])
    length = min(stop - first, max(int(SECONDS * made.sampling_rate), FEWEST_SAMPLES))
    begin = first + (stop - first - length) // 2
    drawn = _spread_out(made.signals.shape[1], MOST_DRAWN)
    values = np.stack([made.signals[begin : begin + length, int(unit)] for unit in drawn], axis=1).astype(np.float64)
    times = float(made.segment_starts[longest]) + (np.arange(begin, begin + length) - first) / made.sampling_rate
    step = 6 * (float(np.median(values.std(axis=0))) or 1.0)
    figure = blank(5.2, "")
    axes = figure.add_subplot()
    places = -step * np.arange(len(drawn))
    axes.plot(times, values - values.mean(axis=0) + places, color="black", linewidth=0.6)
    several = made.units["feature"].nunique() > 1
    rows = made.units.iloc[drawn]
    labels = [f"{row.channel} {row.feature}" if several else str(row.channel) for row in rows.itertuples()]
    axes.set_yticks(places, labels, fontsize=8)
    axes.set(xlim=(times[0], times[-1]), xlabel="time (s)")
    axes.set_title(
        f"{len(drawn)} of {made.signals.shape[1]} features; lines are {step:.3g} {made.quantity} apart",
        fontsize=10, loc="left",
    )  # fmt: skip
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def power_spectra(made: "Spectra") -> "Figure":
    """Power of every channel against frequency, both logarithmic, and the peak of each rhythm."""
    frequencies, power = made.frequencies[1:], made.power[1:]
    figure = blank(4.2, "")
    axes = figure.add_subplot()
    names = list(made.channels["channel"])
    few = len(names) <= len(PALETTE)
    for index, name in enumerate(names):
        style = {"color": PALETTE[index], "linewidth": 1.4, "label": name} if few else {"color": GREY, "linewidth": 0.5}
        axes.loglog(frequencies, power[:, index], **style)
    if not few:
        axes.loglog(frequencies, np.median(power, axis=1), color="black", linewidth=1.8, label="median of channels")
    _mark_peaks(axes, made.peaks)
    axes.set(xlabel="frequency (Hz)", ylabel=f"power ({made.quantity}²/Hz)", xlim=(frequencies[0], frequencies[-1]))
    axes.legend(frameon=False, fontsize=8)
    axes.set_title(f"{len(names)} channels, {made.windows} windows ({made.method})", fontsize=10, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def _mark_peaks(axes: "Axes", peaks: Any) -> None:
    """A dotted line at the median peak of each band, with its frequency."""
    for band, at in peaks.groupby("band", sort=False)["frequency"].median().dropna().items():
        axes.axvline(at, color=GREY, linewidth=0.8, linestyle=":")
        axes.text(
            at, 0.02, f" {band} {at:.3g} Hz", rotation=90, fontsize=7, color=GREY, ha="right", va="bottom",
            transform=axes.get_xaxis_transform(),
        )  # fmt: skip


def coherence(made: "Spectra") -> "Figure":
    """Coherence of pairs of channels against frequency: all pairs and their mean, or each where there are few."""
    frequencies, values = made.frequencies[1:], made.coherence[1:]
    shown = frequencies <= min(frequencies[-1], 100.0)
    figure = blank(3.6, "")
    axes = figure.add_subplot()
    if len(made.pairs) <= MOST_PAIRS:
        for index, pair in enumerate(made.pairs.itertuples()):
            axes.plot(
                frequencies[shown], values[shown, index], color=PALETTE[index], linewidth=1.4,
                label=f"{pair.first} and {pair.second}",
            )  # fmt: skip
    else:
        low, median, high = np.percentile(values[shown], [5, 50, 95], axis=1)
        axes.fill_between(frequencies[shown], low, high, color=PALETTE[0], alpha=0.25, linewidth=0)
        label = f"median of {len(made.pairs)} pairs; band: 5 to 95 %"
        axes.plot(frequencies[shown], median, color=PALETTE[0], linewidth=1.6, label=label)
    axes.axhline(made.chance, color=GREY, linewidth=0.8, linestyle="--", label="independent signals stay below (95 %)")
    axes.set(xlabel="frequency (Hz)", ylabel="coherence", ylim=(0, 1), xlim=(0, frequencies[shown][-1]))
    axes.legend(frameon=False, fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def event_related_potentials(made: "Evoked") -> "Figure":
    """The channel in which the classes differ most; all channels by class; and where potentials are at their peak."""
    mean, error, times = made.mean[:], made.error[:], made.times[:]
    best, peak = most_different(mean, error)
    labels = [f"{row.label} (n = {row.trials})" for row in made.classes.itertuples()]
    shown = range(min(len(labels), len(PALETTE)))
    figure = blank(6.4, "")
    grid = figure.add_gridspec(2, max(2, min(len(labels), 4)), height_ratios=[1.2, 1])
    top = figure.add_subplot(grid[0, :])
    for index in shown:
        colour, line = PALETTE[index], mean[index, :, best]
        spread = error[index, :, best]
        top.fill_between(times, line - spread, line + spread, color=colour, alpha=0.25, linewidth=0)
        top.plot(
            times, line, color=colour, linewidth=1.6, label=labels[index], marker=MARKERS[index], markersize=3.5,
            markevery=max(1, len(times) // 10),
        )  # fmt: skip
    _zero_lines(top)
    top.axvline(times[peak], color=GREY, linewidth=0.8, linestyle=":")
    channel = made.channels["channel"].iloc[best]
    top.set(xlim=(times[0], times[-1]), xlabel=f"time from {made.align} (s)", ylabel=f"{channel} ({made.quantity})")
    top.set_title(f"{channel}, which differs most by {made.label}; ± s.e.m. over trials", fontsize=10, loc="left")
    top.legend(frameon=False, fontsize=8)
    places = head_positions(made.channels)
    limit = float(np.abs(mean[:, peak]).max()) or 1.0
    for column, index in enumerate(list(shown)[: grid.ncols]):
        below = figure.add_subplot(grid[1, column])
        if places is None:
            below.plot(times, mean[index], color=PALETTE[index], linewidth=0.5)
            _zero_lines(below)
            below.set(xlim=(times[0], times[-1]), xlabel=f"time from {made.align} (s)", ylabel=made.quantity)
            below.set_title(f"{labels[index]}: all channels", fontsize=10, loc="left")
            continue
        image = _head(below, places, mean[index, peak], limit)
        below.set_title(f"{made.classes['label'].iloc[index]} at {times[peak] * 1000:.0f} ms", fontsize=10)
        if column == min(len(labels), grid.ncols) - 1:
            figure.colorbar(image, ax=below, label=made.quantity, shrink=0.8)
    return figure


def most_different(mean: np.ndarray, error: np.ndarray) -> tuple[int, int]:
    """Channel and sample at which two classes differ most, in standard errors; of one class, where it is largest.

    mean, error : (class, sample, channel)
    """
    if len(mean) == 1:
        size = np.abs(mean[0])
    else:
        noise = np.sqrt((error**2).sum(axis=0))
        size = np.divide(np.ptp(mean, axis=0), noise, out=np.zeros(noise.shape), where=noise > 0)
    sample, channel = np.unravel_index(int(np.argmax(size)), size.shape)
    return int(channel), int(sample)


def head_positions(channels: Any) -> np.ndarray | None:
    """(channel, 2) places on a head seen from above, nose up, its edge at radius .5; None where they are not known.

    Of the columns theta (degrees from the nose, positive to the right) and radius, as EEGLAB keeps them.
    """
    if not {"theta", "radius"} <= set(channels):
        return None
    angle, radius = np.deg2rad(channels["theta"].to_numpy(float)), channels["radius"].to_numpy(float)
    return np.stack([radius * np.sin(angle), radius * np.cos(angle)], axis=1) if np.isfinite(radius).any() else None


def _head(axes: "Axes", places: np.ndarray, values: np.ndarray, limit: float) -> Any:
    """Values at electrodes as colours on the outline of a head."""
    turn = np.linspace(0, 2 * np.pi, 100)
    axes.plot(0.5 * np.sin(turn), 0.5 * np.cos(turn), color=GREY, linewidth=1)
    axes.plot([-0.06, 0, 0.06], [0.495, 0.56, 0.495], color=GREY, linewidth=1)
    known = np.isfinite(places).all(axis=1)
    image = axes.scatter(
        *places[known].T, c=values[known], cmap="RdBu_r", vmin=-limit, vmax=limit, s=70, edgecolors=GREY, linewidths=0.5
    )
    axes.set(aspect="equal", xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    return image


def _zero_lines(axes: "Axes") -> None:
    axes.axvline(0, color="black", linewidth=0.8, linestyle="--")
    axes.axhline(0, color=GREY, linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)


def _spread_out(n: int, most: int) -> np.ndarray:
    """Up to `most` of n numbers, evenly spread."""
    return np.unique(np.linspace(0, n - 1, min(n, most)).round().astype(int))
