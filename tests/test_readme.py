"""The pages say what was measured and what there is: their tables are those that results and decoders give."""

import re

import pytest

from benchmarks.results import PAGES, RESULTS, ROOT, with_tables


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_tables_are_made_from_the_results_and_the_decoders(page):
    text = page.read_text()
    assert with_tables(text) == text
    assert re.search(r"<!-- (results:\w+|decoders) -->\n\|", text), "a page that is named here has such a table"


def test_a_newcomer_reads_the_readme_in_one_go():
    words = re.sub(r"```.*?```|<!--.*?-->|\|.*\|", "", (ROOT / "README.md").read_text(), flags=re.DOTALL).split()
    assert len(words) < 450


def test_every_result_says_how_it_was_made():
    for path in RESULTS.glob("*.csv"):
        lines = path.read_text().splitlines()
        assert lines[0].startswith("result,value,low,high,asked,seed,command,note,commit,versions")
        assert len(lines) > 1
