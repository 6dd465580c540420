"""Spaces of settings that decoders choose from: what each of their parameters may hold."""

from collections.abc import Collection

from sklearn.base import BaseEstimator

from neuropipe.errors import BadInput

# parameter -> (whether one value can be used, the same in words)
_RULES = {
    "windows": (lambda window: 0 <= window[0] < window[1] <= 1, "(start, stop) with 0 <= start < stop <= 1"),
    "n_bins": (lambda number: number >= 1, "1 or more"),
    "offsets": (lambda offset: offset >= 0, "0 or more"),
    "strengths": (lambda strength: strength > 0, "above 0"),
    "components": (lambda number: number is None or number >= 1, "1 or more, or None for all"),
    "gammas": (lambda gamma: gamma > 0, "above 0"),
    "degree": (lambda degree: degree >= 1, "1 or more"),
    "prior_trials": (lambda number: number > 0, "above 0"),
    "n_neighbours": (lambda number: number >= 1, "1 or more"),
    "shrinkages": (lambda number: number > 0, "above 0"),
    "n_inner_folds": (lambda number: number >= 2, "2 or more"),
    "n_averaged": (lambda number: number >= 1, "1 or more"),
}


def check_space(decoder: BaseEstimator, names: Collection[str] = _RULES.keys()) -> None:
    """Refuse parameters of a decoder that hold nothing to choose from, or something without meaning."""
    for name, given in decoder.get_params().items():
        if name not in names:
            continue
        holds, wanted = _RULES[name]
        values = given if isinstance(given, tuple | list) else [given]
        if not len(values) or not all(holds(value) for value in values):
            raise BadInput(f"{name} = {given} can't be used: give at least one, each {wanted}")
