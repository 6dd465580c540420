"""Error against uncertainty: uncertainty that is right is found to be, one that says nothing isn't."""

import numpy as np
import pandas as pd
import pytest

from neuropipe.calcium.reliability import GROUPS, growth, over_cells, reliability

RATE, N = 25.0, 50_000


def estimates(seed=0):
    """Events that miss the truth by more at some times than at others; the SD of their error; the truth."""
    rng = np.random.default_rng(seed)
    times = (np.arange(N) + 0.5) / RATE
    spikes = np.sort(rng.uniform(0, N / RATE, 2000))
    true = np.histogram(spikes, np.arange(N + 1) / RATE)[0]
    spread = np.repeat(rng.uniform(0.1, 1.0, N // 500), 500)
    return true + np.repeat(spread[::50] * rng.standard_normal(N // 50), 50), spread, times, spikes


def test_the_error_is_what_a_true_uncertainty_says():
    table = reliability(*estimates())
    assert table["n_bins"].tolist() == [N / GROUPS] * GROUPS
    assert table["uncertainty"].is_monotonic_increasing
    # errors last 2 s, so smoothing by 80 ms leaves them nearly as they are
    np.testing.assert_allclose(table["error"], table["uncertainty"], rtol=0.2)
    assert growth(table) > 0.9


def test_an_uncertainty_that_says_nothing_is_found_out():
    events, spread, times, spikes = estimates()
    table = reliability(events, np.random.default_rng(1).permutation(spread), times, spikes)
    assert table["error"].max() < 1.3 * table["error"].min()
    assert abs(growth(table)) < 0.8


def test_cells_together():
    table = pd.DataFrame({"group": [0, 1, 0, 1], "uncertainty": [3, 1, 4, 1], "error": [1, 2, 1, 2], "n_bins": [5] * 4})
    assert over_cells(table)["uncertainty"].tolist() == pytest.approx([np.sqrt(12.5), 1])
    assert over_cells(table)["error"].tolist() == [1, 2]
    assert over_cells(table)["n_bins"].tolist() == [10, 10]
