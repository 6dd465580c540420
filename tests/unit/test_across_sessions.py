"""Models compared across sessions: known answers."""

import numpy as np
import pandas as pd
import pytest

from neuropipe.errors import BadInput
from neuropipe.evaluation.across_sessions import compare_across_sessions, holm
from neuropipe.plots.across_sessions import across_sessions


def table(**models):
    return pd.DataFrame(
        [
            {"session": f"s{number}", "model": model, "accuracy": value}
            for model, values in models.items()
            for number, value in enumerate(values)
        ]
    )


def test_a_model_that_is_better_in_all_of_six_sessions_has_the_smallest_p_there_is():
    rival = np.linspace(0.6, 0.8, 6)
    found = compare_across_sessions(table(rival=rival, better=rival + np.arange(1, 7) / 100), "rival")
    assert list(found["model"]) == ["better", "rival"]
    best = found.iloc[0]
    assert best["p_value"] == pytest.approx(2 / 2**6)
    assert best["p_holm"] == best["p_value"]  # one comparison
    assert best["median_difference"] == pytest.approx(0.035)
    assert best["n_better"] == 6
    assert np.isnan(found.iloc[1]["p_value"])


def test_sessions_count_where_both_have_a_score():
    scores = table(rival=[0.5, 0.6, 0.7], other=[0.6, 0.5, np.nan])
    found = compare_across_sessions(scores, "rival").set_index("model")
    assert found.loc["other", "n_sessions"] == 2
    assert found.loc["other", "mean"] == pytest.approx(0.55)


def test_models_that_lack_sessions_come_after_those_that_have_all():
    scores = table(rival=[0.5, 0.6, 0.7], lucky=[np.nan, np.nan, 0.9], other=[0.4, 0.5, 0.6])
    assert list(compare_across_sessions(scores, "rival")["model"]) == ["rival", "other", "lucky"]


def test_where_lower_is_better_the_sign_turns():
    found = compare_across_sessions(table(rival=[0.5, 0.6], other=[0.4, 0.5]), "rival", lower_is_better=True)
    assert list(found["model"]) == ["other", "rival"]
    assert found.iloc[0]["median_difference"] == pytest.approx(0.1)


def test_equal_scores_are_no_evidence():
    found = compare_across_sessions(table(rival=[0.5, 0.6], other=[0.5, 0.6]), "rival").set_index("model")
    assert found.loc["other", "p_value"] == 1
    assert found.loc["other", "n_better"] == 1


def test_holm_on_the_textbook_example():
    # Holm 1979: p = .01, .04, .03, .005 of four tests -> .03, .06, .06, .02.
    np.testing.assert_allclose(holm(np.array([0.01, 0.04, 0.03, 0.005])), [0.03, 0.06, 0.06, 0.02])
    np.testing.assert_allclose(holm(np.array([0.4, np.nan, 0.9])), [0.8, np.nan, 0.9])


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(BadInput, match="no score of 'rate'"):
        compare_across_sessions(table(other=[0.5]), "rate")
    with pytest.raises(BadInput, match="two scores in s0"):
        compare_across_sessions(pd.concat([table(other=[0.5])] * 2), "other")


def test_the_figure_shows_every_session_and_what_it_gains():
    scores = table(rival=[0.5, 0.6, 0.7], other=[0.6, 0.8, 0.7]).rename(columns={"accuracy": "score"})
    compared = compare_across_sessions(scores, "rival", column="score")
    figure = across_sessions(scores, compared, "rival", metric="accuracy", title="three sessions")
    left, right = figure.axes
    assert [text.get_text() for text in left.get_yticklabels()] == ["other", "rival"]
    gains = [line.get_xdata()[0] for line in right.get_lines()[:3]]
    np.testing.assert_allclose(gains, [0.1, 0.2, 0.0])
    assert [text.get_text() for text in right.texts] == [f"p {compared['p_holm'][0]:.2f}"]
