"""Scores of estimated connectivity: known answers, scikit-learn's, chance, networks without any connection."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, matthews_corrcoef, roc_auc_score

from neuropipe.connectivity.base import Estimate
from neuropipe.errors import BadInput
from neuropipe.evaluation import connectivity_scores, families
from neuropipe.evaluation.connectivity import average_precision, roc_auc
from neuropipe.evaluation.connectivity_reliability import reliability_scores
from neuropipe.evaluation.leaderboard import Evaluation, dead_families, ranked
from neuropipe.tasks.scoring import scores_finite


def network(seed: int, n_units: int = 25, strength: float = 3.0, density: float = 0.1):
    """Estimated weights with unit noise and true ones of +-`strength`; sources are all excitatory or all inhibitory."""
    rng = np.random.default_rng(seed)
    sign = np.where(rng.random(n_units) < 0.8, 1.0, -1.0)
    true = (rng.random((n_units, n_units)) < density) * sign[:, None]
    np.fill_diagonal(true, 0.0)
    weights = strength * true + rng.normal(size=true.shape)
    np.fill_diagonal(weights, 0.0)
    return weights, true


def values(table):
    return dict(zip(table["metric"], table["value"], strict=True))


def few(weights, truth, **options):
    return connectivity_scores(weights, truth, n_resamples=20, n_permutations=49, **options)


def off_diagonal(matrix):
    return matrix[~np.eye(len(matrix), dtype=bool)]


def test_rankings_agree_with_scikit_learn_where_weights_are_tied_too():
    weights, true = network(0)
    weights[3:6] = 0.0  # left out
    weights = np.round(weights, 1)
    found, sizes, connected = (
        values(few(Estimate(weights), {"weights": true})),
        *map(off_diagonal, (abs(weights), true)),
    )
    assert found["average_precision"] == pytest.approx(average_precision_score(connected != 0, sizes), abs=1e-12)
    assert found["roc_auc"] == pytest.approx(roc_auc_score(connected != 0, sizes), abs=1e-12)
    assert found["average_precision_random"] == pytest.approx((connected != 0).mean())


def test_weighted_rankings_agree_with_scikit_learn():
    from neuropipe.evaluation.connectivity import _pairs

    weights, true = network(1)
    weights = np.round(weights, 1)
    pairs = _pairs(Estimate(weights), {"weights": true}, weights, true)
    times = np.random.default_rng(0).poisson(1.0, len(pairs.source)).astype(float)
    sizes = np.abs(weights[pairs.source, pairs.target])
    expected = average_precision_score(pairs.connected, sizes, sample_weight=times)
    assert average_precision(pairs, times) == pytest.approx(expected, abs=1e-12)
    assert roc_auc(pairs, times) == pytest.approx(roc_auc_score(pairs.connected, sizes, sample_weight=times), abs=1e-12)


def test_a_perfect_estimate_scores_one_and_its_signs_delays_and_p_values_are_told():
    _, true = network(2)
    delays = np.where(true != 0, 0.004, np.nan)
    p_values = np.where(true != 0, 1e-6, 0.5)
    estimate = Estimate(true.copy(), p_values, np.full(true.shape, 0.0055))
    found = values(few(estimate, {"weights": true, "delays": delays}))
    for metric in ("average_precision", "roc_auc", "mcc", "sign_accuracy"):
        assert found[metric] == pytest.approx(1.0)
    assert found["delay_error"] == pytest.approx(1.5)
    assert found["false_positive_rate"] == 0.0
    assert found["false_positive_rate_nominal"] == 0.05


def test_detection_is_at_p_below_one_in_a_thousand_or_at_the_strongest_tenth_of_pairs():
    weights, true = network(3)
    p_values = np.where(np.abs(weights) > 2.5, 1e-4, 0.5)
    detected, connected = off_diagonal(np.abs(weights) > 2.5), off_diagonal(true) != 0
    found = values(few(Estimate(weights, p_values), {"weights": true}))
    assert found["mcc"] == pytest.approx(matthews_corrcoef(connected, detected))
    assert found["false_positive_rate"] == pytest.approx(detected[~connected].mean())
    sizes = off_diagonal(np.abs(weights))
    tenth = sizes >= np.sort(sizes)[-round(0.1 * len(sizes))]
    without = values(few(Estimate(weights), {"weights": true}))
    assert without["mcc"] == pytest.approx(matthews_corrcoef(connected, tenth), abs=0.01)
    assert "false_positive_rate" not in without


def test_signs_are_scored_only_if_they_mean_something():
    weights, true = network(4)
    assert "sign_accuracy" in values(few(Estimate(weights), {"weights": true}))
    assert "sign_accuracy" not in values(few(Estimate(np.abs(weights)), {"weights": true}, signed=False))


def test_p_tells_a_good_estimate_from_noise_and_holds_its_level():
    weights, true = network(5)
    table = few(Estimate(weights), {"weights": true}).set_index("metric")
    assert table.loc["average_precision", "p_value"] == 1 / 50
    rng, p_values = np.random.default_rng(0), []
    for seed in range(60):
        _, true = network(seed, n_units=12)
        noise = rng.normal(size=true.shape)
        scores = connectivity_scores(Estimate(noise), {"weights": true}, n_resamples=2, n_permutations=39, seed=seed)
        p_values.append(scores.set_index("metric").loc["average_precision", "p_value"])
    assert np.mean(np.array(p_values) <= 0.2) == pytest.approx(0.2, abs=0.11)  # two standard errors


def test_intervals_hold_the_expected_score_about_as_often_as_they_say():
    """Units differ in how well their connections are found, so that pairs are far from independent."""

    def uneven(seed):
        rng = np.random.default_rng(seed)
        weights, true = network(seed, n_units=30, strength=0.0)
        good = np.exp(rng.normal(0, 0.25, 30)[:, None] + rng.normal(0, 0.25, 30))
        return weights + 2.0 * good * true, true

    scores = []
    for seed in range(40):
        weights, true = uneven(seed)
        table = connectivity_scores(Estimate(weights), {"weights": true}, n_resamples=60, n_permutations=0, seed=seed)
        scores.append(table.set_index("metric").loc["average_precision", ["value", "ci_low", "ci_high"]])
    value, low, high = np.array(scores, float).T
    assert ((low <= value.mean()) & (value.mean() <= high)).mean() >= 0.85


def test_units_left_out_count_as_not_found():
    weights, true = network(6, strength=20.0)
    whole = values(few(Estimate(weights), {"weights": true}))["average_precision"]
    weights[:, :5] = weights[:5] = 0.0
    assert values(few(Estimate(weights), {"weights": true}))["average_precision"] < whole - 0.1


def test_a_network_without_connections_has_a_rate_of_false_positives_and_nothing_else():
    weights, true = network(7)
    p_values = np.random.default_rng(0).uniform(size=true.shape)
    table = few(Estimate(weights, p_values), {"weights": np.zeros_like(true)})
    assert list(table["metric"]) == ["false_positive_rate", "false_positive_rate_nominal"]
    assert set(table["scheme"]) == {"no connection"}
    assert table["value"].iloc[0] == pytest.approx(0.05, abs=0.02)
    nothing = few(Estimate(weights), {"weights": np.zeros_like(true)})
    assert nothing.empty
    assert scores_finite(nothing).passed, "an empty table of scores is one that can be committed"


def test_same_seed_same_scores():
    weights, true = network(8)
    first, again = (few(Estimate(weights), {"weights": true}, seed=3) for _ in range(2))
    assert first.equals(again)


def test_matrices_of_different_networks_are_refused():
    weights, _ = network(9)
    with pytest.raises(BadInput, match=r"estimated weights are \(25, 25\) and true ones \(12, 12\)"):
        few(Estimate(weights), {"weights": np.zeros((12, 12))})


class TestFamily:
    """Connectivity beside decoding in one session: ranked apart, judged only where a truth is known."""

    def evaluations(self):
        weights, true = network(10)
        noise = np.random.default_rng(1).normal(size=true.shape)
        good, bad = (few(Estimate(each), {"weights": true}) for each in (weights, noise))
        return {
            "good": Evaluation("net.one", "connectivity", "good", primary="average_precision", scores=good),
            "bad": Evaluation("net.one", "connectivity", "bad", primary="average_precision", scores=bad),
        }

    def test_the_better_estimate_ranks_first_under_the_primary_metric(self):
        table = ranked(list(self.evaluations().values()))
        assert list(table["model"]) == ["good", "bad"]
        assert list(table["rank"]) == [1, 2]
        assert table["random"].iloc[0] == pytest.approx(table["random"].iloc[1])

    def test_a_session_is_dead_for_connectivity_alone(self):
        found = self.evaluations()
        assert dead_families([found["bad"]]) == {"net.one": ["connectivity"]}
        assert dead_families(list(found.values())) == {}

    def test_without_a_truth_nothing_is_judged(self):
        import pandas as pd

        rows = [("split_half", 0.6, 0.5, 0.7, 30), ("null_split_half", 0.2, 0.1, 0.3, 30), ("other", 1.0, 1.0, 1.0, 3)]
        scores = reliability_scores(pd.DataFrame(rows, columns=["measure", "value", "ci_low", "ci_high", "n"]))
        assert list(scores["metric"]) == ["split_half", "split_half_null"]
        one = Evaluation("net.one", "connectivity", "correlation", primary="split_half", scores=scores)
        assert dead_families([one]) == {}
        assert ranked([one]).loc[0, ["metric", "score", "null"]].tolist() == ["split_half", 0.6, 0.2]

    def test_what_can_not_be_scored_stays_in_the_leaderboard_and_says_so(self):
        weights, true = network(11)
        scores = few(Estimate(weights), {"weights": np.zeros_like(true)})
        one = Evaluation("net.none", "connectivity", "lasso", primary="false_positive_rate", scores=scores)
        assert ranked([one])["note"].tolist() == ["nothing of it can be scored in this session"]

    def test_the_primary_metric_follows_what_is_known(self):
        family = families.get("connectivity")
        assert family.primary({"connections": 12}) == "average_precision"
        assert family.primary({"connections": 0}) == "false_positive_rate"
        assert family.primary({"connections": None}) == "split_half_over_null"
