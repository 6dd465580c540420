"""Communication subspace: a planted rank is found, independent areas share nothing, test trials decide nothing."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from neuropipe.connectivity.communication_subspace import COLUMNS, communication_subspace
from neuropipe.connectivity.data import ConnectivityData
from neuropipe.connectivity.reduced_rank import Moments, ReducedRank
from neuropipe.errors import BadInput


def two_areas(rank, n_trials=200, n_bins=4, n_units=20, strength=1.0, seed=0, response=0.0):
    """V2 follows V1's fluctuations through `rank` dimensions; area X is on its own. All respond to the label."""
    rng = np.random.default_rng(seed)
    n = n_trials * n_bins
    v1, x = rng.normal(size=(2, n, n_units))
    through = np.linalg.qr(rng.normal(size=(n_units, n_units)))[0][:, :rank] @ rng.normal(size=(rank, n_units))
    v2 = strength * v1 @ through + rng.normal(size=(n, n_units))
    labels = rng.integers(2, size=n_trials)
    counts = np.concatenate([v1, v2, x], axis=1) + response * np.repeat(labels, n_bins)[:, None]
    data = ConnectivityData(
        counts=counts - counts.min(),
        bin_width=0.1,
        segments=np.arange(n_trials + 1) * n_bins,
        labels=labels,
    )
    return data, np.repeat(["V1", "V2", "X"], n_units)


@pytest.fixture(scope="module")
def table():
    data, areas = two_areas(2, response=3.0)
    return communication_subspace(data, areas).set_index(["source_area", "target_area"])


class TestCommunicationSubspace:
    def test_a_planted_rank_is_found(self, table):
        assert list(table.reset_index().columns) == COLUMNS
        planted = table.loc[("V1", "V2")]
        assert planted["rank"] == planted["rank_low"] == planted["rank_high"] == 2
        # V2's variance: 2 of each unit's shared dimensions (mean 2) over all (mean 3), less what must be estimated
        assert planted["r2"] == pytest.approx(planted["r2_full"], abs=0.03)
        assert planted["r2_low"] < planted["r2"] < planted["r2_high"]
        assert planted["r2"] > 0.45

    def test_areas_that_share_only_what_is_shown_share_nothing(self, table):
        for pair in (("V1", "X"), ("X", "V1"), ("X", "V2"), ("X", "X"), ("V1", "V1")):
            assert table.loc[pair, "rank"] == 0, pair
            assert table.loc[pair, "r2"] == pytest.approx(0, abs=0.01), pair

    def test_without_labels_what_is_shown_is_shared(self):
        data, areas = two_areas(2, response=3.0)
        blind = ConnectivityData(counts=data.counts, bin_width=0.1, segments=data.segments)
        found = communication_subspace(blind, areas).set_index(["source_area", "target_area"])
        assert found.loc[("V1", "X"), "rank"] == 1
        assert found.loc[("V1", "X"), "r2"] > 0.3

    def test_within_an_area_one_half_predicts_the_other(self, table):
        assert table.loc[("V2", "V2"), ["n_sources", "n_targets"]].tolist() == [10, 10]
        assert table.loc[("V2", "V2"), "rank"] == 2

    @pytest.mark.parametrize("rank", [1, 4])
    def test_other_ranks(self, rank):
        data, areas = two_areas(rank, strength=1.5)
        found = communication_subspace(data, areas).set_index(["source_area", "target_area"])
        assert found.loc[("V1", "V2"), "rank"] == rank

    def test_random_targets_that_were_fitted_are_not_predicted(self):
        # far more units than trials allow: a fit that saw its test trials would predict them
        data, areas = two_areas(0, n_trials=40, n_bins=1, n_units=40)
        found = communication_subspace(data, areas).set_index(["source_area", "target_area"])
        assert found.loc[("V1", "V2"), "r2"] < 0.01
        assert found.loc[("V1", "V2"), "r2_full"] < 0.05

    def test_continuous_activity_is_cut_into_pieces(self):
        data, areas = two_areas(2)
        whole = ConnectivityData(counts=data.counts, bin_width=0.1)
        found = communication_subspace(whole, areas, bin_width=0.2).set_index(["source_area", "target_area"])
        assert found.loc[("V1", "V2"), "n_trials"] == 100
        assert found.loc[("V1", "V2"), "rank"] == 2

    def test_trials_of_any_length_are_read(self):
        data, areas = two_areas(2)
        uneven = ConnectivityData(counts=data.counts, bin_width=0.1, segments=np.r_[0, np.arange(3, 798, 5), 800])
        found = communication_subspace(uneven, areas).set_index(["source_area", "target_area"])
        assert found.loc[("V1", "V2"), "rank"] == 2

    def test_the_same_seed_gives_the_same_table(self, table):
        data, areas = two_areas(2, response=3.0)
        again = communication_subspace(data, areas).set_index(["source_area", "target_area"])
        assert again.equals(table)

    @pytest.mark.parametrize(
        ("changed", "message"),
        [({"fewest_units": 50}, "no area has 50 units"), ({"n_folds": 60}, "too few for 60 folds")],
    )
    def test_what_it_can_not_do_is_said(self, changed, message):
        data, areas = two_areas(1)
        with pytest.raises(BadInput, match=message):
            communication_subspace(data, areas, **changed)

    def test_areas_of_other_units_are_refused(self):
        with pytest.raises(BadInput, match="one area per unit"):
            communication_subspace(two_areas(1)[0], np.array(["V1"]))


class TestReducedRank:
    def test_the_full_rank_is_ridge_regression(self):
        rng = np.random.default_rng(0)
        sources, targets = rng.normal(size=(100, 6)), rng.normal(size=(100, 4))
        fit = ReducedRank.fit(sources, targets, 0.3)
        alpha = 0.3 * np.linalg.eigvalsh(sources.T @ sources).mean()
        np.testing.assert_allclose(
            fit.coefficients, Ridge(alpha=alpha, fit_intercept=False).fit(sources, targets).coef_.T
        )

    def test_no_coefficients_of_the_rank_are_better(self):
        rng = np.random.default_rng(0)
        sources, targets = rng.normal(size=(80, 5)), rng.normal(size=(80, 4))
        fit = ReducedRank.fit(sources, targets, 0.1)
        ridge = 0.1 * np.linalg.eigvalsh(sources.T @ sources).mean()

        def loss(coefficients):
            return ((targets - sources @ coefficients) ** 2).sum() + ridge * (coefficients**2).sum()

        chosen = fit.directions[:, :2]
        best = fit.coefficients @ chosen @ chosen.T
        assert np.linalg.matrix_rank(best) == 2
        left, right = np.linalg.qr(best)[0][:, :2], chosen
        for _ in range(50):
            moved = best + 0.05 * (left @ rng.normal(size=(2, 4)) + rng.normal(size=(5, 2)) @ right.T)
            u, s, v = np.linalg.svd(moved)
            assert loss((u[:, :2] * s[:2]) @ v[:2]) >= loss(best) - 1e-9

    def test_errors_of_all_ranks_are_those_of_their_predictions(self):
        rng = np.random.default_rng(0)
        sources, targets = rng.normal(size=(30, 5)), rng.normal(size=(30, 4))
        fit = ReducedRank.fit(sources, targets, 0.1)
        new, truth = rng.normal(size=(20, 5)), rng.normal(size=(20, 4))
        errors = fit.errors(Moments(new.T @ new, new.T @ truth, (truth**2).sum()))
        for rank in range(5):
            assert errors[rank] == pytest.approx(((truth - fit.predict(new, rank)) ** 2).sum())
