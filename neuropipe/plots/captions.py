"""One caption per plot, by the name under which it is saved: what is shown, in which units, and how to read it.

The captions are in the order in which plots are read.
"""

CAPTIONS = {
    "signals": (
        "Ten seconds (more of slow signals) from the middle of the longest stretch: a line per feature of a channel."
    ),
    "spectra": "Power of every channel against frequency; dotted: the peak of each rhythm, median over channels.",
    "coherence": (
        "Magnitude-squared coherence between channels; independent signals stay below the dashed line in 95 % of "
        "frequencies."
    ),
    "evoked": (
        "Above: mean potential by class in the channel where the classes differ most, in standard errors (bands: one "
        "standard error over trials); the baseline before the event is subtracted. Below: all channels at the dotted "
        "moment, on the head seen from above with the nose up, or over time where places are not known."
    ),
    "raster_and_psth": (
        "Left: mean response of every unit as z-score over time, in order of the time of its peak; the order comes "
        "from one half of the trials, the colours from the other, so that a diagonal is a reproducible sequence. "
        "Right: mean rate by class, all units and the most selective one; bands are one standard error over trials."
    ),
    "activity_and_behaviour": (
        "A minute from the middle of the session: activity of every unit (darker is more), and below it the behaviour "
        "to decode."
    ),
    "decoded_and_true": (
        "True (black) and decoded (orange) behaviour of out-of-fold samples over a minute, and all of them as decoded "
        "against true; the line marks perfect decoding."
    ),
    "scores": (
        "The primary metric under each fold scheme with its 95 % interval (filled), the baselines to beat (open), and "
        "p against behaviour or labels shifted in time."
    ),
    "confusion": (
        "What was decoded (columns) when each class was true (rows): fraction of the true class, number of trials in "
        "brackets."
    ),
    "learning_curves": (
        "Loss against training step or epoch. Solid: a block held out of training, dashed: training data, dot: where "
        "training on all data stops."
    ),
    "decodability": (
        "Accuracy with its 95 % interval against bin width, time in the trial, number of units and number of training "
        "trials; dashed: always answering the commonest class."
    ),
    "rois": "Mean registered frame, outlines of the detected ROIs and, where they are known, of the true cells.",
    "shifts": "Shift of each frame (px) found by motion correction and, where it is known, true shift and error.",
    "dff_and_events": "dF/F (grey, left axis) and detected events (orange, right axis) of a few ROIs over a minute.",
    "noise": "Standardized noise of dF/F over ROIs; the line is the median.",
    "trace_truth_and_events": "The most active stretch of a trace, its true spikes, and the events of each method.",
    "reliability": "Measured error against the uncertainty that the networks state; on the dotted line both agree.",
    "connectivity_matrix": (
        "Estimated weight of every ordered pair: row, source; column, target; red is positive (excites), blue negative "
        "(inhibits). In order of area or cell type, and within it of the modules of the graph. Colours end at the "
        "99.5 % quantile."
    ),
    "connectivity_graph": (
        "The strongest connections as arrows (lines, where a method gives no direction); a unit's size is its number "
        "of connections, its marker the area or cell type. Units stand in order of area and of module."
    ),
    "connectivity_distance": "Share of pairs that are connected, and mean |weight|, against distance; bars are 95 %.",
    "connectivity_truth": (
        "Left: estimated against true weight of every pair. Right: precision against recall when pairs are taken in "
        "order of |weight|; dotted: chance."
    ),
    "connectivity_reliability": (
        "How far the estimate is reproduced by the other half of the recording and by other bins, how many pairs "
        "exceed what is found without fast interactions, and how well units are predicted by their inferred sources in "
        "time that was not used; 95 % intervals over units. Open: without fast interactions, or with random sources."
    ),
    "connectivity_agreement": "Spearman's correlation of |weight| between methods, over all pairs.",
    "connectivity_regions": (
        "Connections found of those that are possible, from each area (row) to each other one; *: p < .05 against "
        "permuted areas, not corrected for the number of cells."
    ),
    "communication_subspace": (
        "How well fluctuations of one area (row) predict those of another at the same time: R2 in held-out trials and "
        "rank of the reduced-rank regression. On the diagonal one half of an area predicts the other."
    ),
    "leaderboard": (
        "Primary metric of every model with its 95 % interval, one panel per session and one marker per fold scheme; "
        "lines: baselines to beat."
    ),
    "across": (
        "Left: score of every model in every session (dots) and the mean (bar). Right: difference to the reference "
        "model in the same session; p by Wilcoxon's signed-rank test over sessions, Holm's correction."
    ),
}


def caption(name: str) -> str:
    """The caption of a plot; of `confusion_blocked` that of `confusion`; else its name in words."""
    known = _known(name)
    return CAPTIONS[known] if known is not None else name.replace("_", " ").capitalize() + "."


def reading_order(name: str) -> tuple[int, str]:
    """Sorts plots as they are read: in the order of the captions, unknown ones last."""
    known = _known(name)
    return (list(CAPTIONS).index(known) if known is not None else len(CAPTIONS), name)


def _known(name: str) -> str | None:
    """The longest key of a caption that the name is or begins with."""
    known = [key for key in CAPTIONS if name == key or name.startswith(f"{key}_")]
    return max(known, key=len, default=None)
