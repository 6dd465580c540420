"""Scores of continuous targets: known answers, scikit-learn's values, intervals and chance of time series."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import pearsonr
from sklearn.linear_model import Ridge
from sklearn.metrics import median_absolute_error, r2_score, root_mean_squared_error

from neuropipe.errors import BadInput
from neuropipe.evaluation.autocorrelation import automatic_block_length
from neuropipe.evaluation.continuous import evaluate_targets
from neuropipe.evaluation.estimates import circular_scores, linear_scores

RNG = np.random.default_rng(0)


def smooth(n, seed, keep=0.95):
    """An autoregressive series."""
    noise, series = np.random.default_rng(seed).normal(size=n), np.zeros(n)
    for step in range(1, n):
        series[step] = keep * series[step - 1] + noise[step]
    return series


def table(truth, decoded, names, n_folds=4):
    """Predictions and blocked folds."""
    sample = np.arange(len(truth))
    fold = sample * n_folds // len(sample)
    columns = {f"y_true_{name}": truth[:, i] for i, name in enumerate(names)}
    columns |= {f"y_pred_{name}": decoded[:, i] for i, name in enumerate(names)}
    predictions = pd.DataFrame({"scheme": "blocked", "fold": fold, "sample": sample, **columns})
    folds = pd.concat(
        pd.DataFrame({"scheme": "blocked", "fold": f, "sample": sample, "role": np.where(fold == f, "test", "train")})
        for f in range(n_folds)
    )
    return predictions, folds


def evaluated(truth, decoded, names, *, circular=False, lag=5, **options):
    before = np.concatenate([np.full((lag, truth.shape[1]), np.nan), truth[:-lag]])
    found = evaluate_targets(*table(truth, decoded, names), truth, names, before=before, circular=circular, **options)
    return found.set_index("metric")


def test_values_are_scikit_learns():
    truth = np.stack([smooth(400, 1), smooth(400, 2)], axis=1)
    decoded = truth + RNG.normal(size=truth.shape)
    found = evaluated(truth, decoded, ("x", "y"), n_shifts=20, n_resamples=50)["value"]
    np.testing.assert_allclose(found["r2"], r2_score(truth, decoded))
    for column, name in enumerate("xy"):
        y, p = truth[:, column], decoded[:, column]
        np.testing.assert_allclose(found[f"r2_{name}"], r2_score(y, p))
        np.testing.assert_allclose(found[f"correlation_{name}"], pearsonr(y, p).statistic)
        np.testing.assert_allclose(found[f"rmse_{name}"], root_mean_squared_error(y, p))
    assert "rmse" not in found.index


def test_weights_count_rows_as_often_as_they_say():
    truth, decoded = RNG.normal(size=(2, 60))
    times = RNG.integers(0, 4, 60)
    repeated = np.repeat(np.arange(60), times)
    for score in (linear_scores, circular_scores):
        weighted = score(truth, decoded, times[None].astype(float))
        plain = score(truth[repeated], decoded[repeated], np.ones((1, len(repeated))))
        for metric, value in weighted.items():
            np.testing.assert_allclose(value, plain[metric], err_msg=metric)


def test_angular_errors_go_the_short_way_round():
    truth = np.radians([359.0, 1.0, 90.0, 180.0])
    decoded = np.radians([1.0, 355.0, 90.0, 0.0])
    found = circular_scores(truth, decoded, np.ones((1, 4)))
    np.testing.assert_allclose(found["median_error"], 4)  # of 0, 2, 6, 180
    np.testing.assert_allclose(found["mean_error"], 47)
    turned = circular_scores(truth + 2 * np.pi, decoded - 4 * np.pi, np.ones((1, 4)))
    np.testing.assert_allclose(turned["mean_error"], found["mean_error"])


def test_median_error_is_the_median():
    truth, decoded = RNG.uniform(-1, 1, (2, 101))
    found = circular_scores(truth, decoded, np.ones((1, 101)))["median_error"]
    np.testing.assert_allclose(np.radians(found), median_absolute_error(truth, decoded))


def test_circular_correlation_is_jammalamadakas():
    truth = RNG.vonmises(1.0, 1.5, 300)
    decoded = truth + RNG.vonmises(0.3, 3.0, 300)
    a = np.angle(np.exp(1j * truth).mean())
    b = np.angle(np.exp(1j * decoded).mean())
    above = (np.sin(truth - a) * np.sin(decoded - b)).sum()
    below = np.sqrt((np.sin(truth - a) ** 2).sum() * (np.sin(decoded - b) ** 2).sum())
    found = circular_scores(truth, decoded, np.ones((1, 300)))["circular_correlation"]
    np.testing.assert_allclose(found, above / below)
    np.testing.assert_allclose(circular_scores(truth, truth + 0.5, np.ones((1, 300)))["circular_correlation"], 1)
    np.testing.assert_allclose(circular_scores(truth, -truth, np.ones((1, 300)))["circular_correlation"], -1)


def test_baselines_are_the_training_mean_and_what_was_before():
    truth = smooth(400, 3)[:, None]
    found = evaluated(truth, truth + 0.1, ("x",), lag=5, n_shifts=20, n_resamples=50)["value"]
    fold = np.arange(400) // 100
    mean = np.array([truth[fold != f].mean() for f in range(4)])[fold]
    np.testing.assert_allclose(found["r2_training_mean"], r2_score(truth[:, 0], mean))
    before = np.concatenate([mean[:5], truth[:-5, 0]])
    np.testing.assert_allclose(found["r2_persistence"], r2_score(truth[:, 0], before))
    np.testing.assert_allclose(found["r2_over_persistence"], found["r2"] - found["r2_persistence"])


def test_of_angles_the_training_mean_is_circular():
    truth = np.angle(np.exp(1j * (np.pi + 0.3 * RNG.normal(size=(200, 1)))))
    found = evaluated(truth, truth, ("angle",), circular=True, n_shifts=0, n_resamples=20)["value"]
    assert found["median_error"] < 1e-5
    assert 5 < found["median_error_training_mean"] < 25  # a straight mean, near 0, would be off by 170


def test_p_is_small_for_skill_and_even_without():
    truth = smooth(800, 4)[:, None]
    good = evaluated(truth, truth + RNG.normal(size=truth.shape), ("x",), n_shifts=199, n_resamples=20)
    assert good.loc["r2", "p_value"] == 1 / 200
    assert evaluated(truth, 0 * truth, ("x",), n_shifts=199, n_resamples=20).loc["r2", "p_value"] == 1


def test_smooth_estimates_of_another_series_are_not_significant_too_often():
    p_values = []
    for i in range(300):
        truth, decoded = (smooth(1200, seed + i, keep=0.8)[:, None] for seed in (1000, 5000))
        found = evaluated(truth, decoded, ("x",), n_shifts=99, n_resamples=2)
        p_values.append(found.loc["correlation", "p_value"])
    # Estimates that never saw the targets: the spread that fitted ones need makes the test conservative.
    assert np.sum(np.array(p_values) <= 0.05) <= 15
    assert 0.45 < np.mean(p_values) < 0.55


def test_a_decoder_fitted_to_unrelated_activity_is_not_significant_too_often():
    """Each pair of samples serves twice, as training and as test of the other: without a spread 13 to 16 % would be."""
    p_values = []
    for seed in range(100):
        truth = smooth(1000, 10_000 + seed, keep=0.8)[:, None]
        activity = np.stack([smooth(1000, 20_000 + 10 * seed + unit, keep=0.8) for unit in range(10)], axis=1)
        fold, decoded = np.arange(1000) // 250, np.empty_like(truth)
        for one in range(4):
            away = np.abs(np.arange(1000) - (250 * one + 124.5)) > 125 + 10
            model = Ridge(alpha=10.0).fit(activity[away], truth[away])
            decoded[fold == one] = model.predict(activity[fold == one]).reshape(-1, 1)
        p_values.append(evaluated(truth, decoded, ("x",), n_shifts=99, n_resamples=2).loc["r2", "p_value"])
    # 5 expected of 100; more than 11 has a probability of .004.
    assert np.sum(np.array(p_values) <= 0.05) <= 11


def test_no_p_where_test_blocks_are_as_short_as_what_is_correlated():
    truth = smooth(60, 5, keep=0.99)[:, None]
    assert np.isnan(evaluated(truth, truth + 0.1, ("x",), n_shifts=50, n_resamples=20).loc["r2", "p_value"])


def test_intervals_cover_the_truth_of_correlated_series():
    """Estimates with correlated errors: the R2 of a very long series lies in the interval of 95 % or nearly."""
    long_truth, long_error = smooth(200_000, 6), smooth(200_000, 7)
    true_r2 = r2_score(long_truth, long_truth + 0.5 * long_error)
    hits = []
    for i in range(60):
        truth, error = smooth(1500, 1000 + i)[:, None], smooth(1500, 3000 + i)[:, None]
        row = evaluated(truth, truth + 0.5 * error, ("x",), n_shifts=0, n_resamples=200).loc["r2"]
        hits.append(row["ci_low"] <= true_r2 <= row["ci_high"])
    assert np.mean(hits) >= 0.85


def test_block_lengths_follow_the_autocorrelation():
    """For an autoregressive series the optimal length is known: (2 (2 rho / (1 - rho^2))^2 * 3/4 n)^(1/3) ..."""
    n = 20_000
    found = {}
    for rho in (0.0, 0.5, 0.9):
        series = smooth(n, 8, keep=rho)
        slope = 2 * rho / (1 - rho) ** 2 / (1 - rho**2)
        density = 1 / (1 - rho) ** 2
        found[rho] = automatic_block_length(series), (1.5 * slope**2 / density**2 * n) ** (1 / 3)
    for rho, (length, optimal) in found.items():
        assert 0.6 * optimal <= length <= 1.6 * optimal + 4, (rho, length, optimal)
    assert automatic_block_length(np.ones(100)) == 1


def test_estimates_that_can_not_be_scored_are_refused():
    truth = smooth(100, 9)[:, None]
    with pytest.raises(BadInput, match="y_pred is not finite in 1 of 100"):
        evaluated(truth, np.where(np.arange(100)[:, None] == 3, np.nan, truth), ("x",))
    with pytest.raises(BadInput, match="x never changes"):
        evaluated(np.ones((100, 1)), truth, ("x",))
    predictions, folds = table(truth, truth, ("x",))
    with pytest.raises(BadInput, match="have no columns y_true_z"):
        evaluate_targets(predictions, folds, truth, ("z",), before=truth)
    with pytest.raises(BadInput, match="disagrees"):
        evaluate_targets(predictions, folds, truth + 1, ("x",), before=truth)
    with pytest.raises(BadInput, match="not out of fold"):
        evaluate_targets(predictions.assign(fold=0), folds, truth, ("x",), before=truth)
