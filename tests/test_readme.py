"""The pages say what was measured and what there is: their tables are those that results and decoders give."""

import pytest

from benchmarks.figures import PAGES, RESULTS, with_tables


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_tables_are_made_from_the_results_and_the_decoders(page):
    text = page.read_text()
    assert with_tables(text) == text
    assert "logistic_regression" in text  # in all of them


def test_every_result_says_how_it_was_made():
    for path in RESULTS.glob("*.csv"):
        lines = path.read_text().splitlines()
        assert lines[0].startswith("figure,value,low,high,asked,seed,command,note,commit,versions")
        assert len(lines) > 1
