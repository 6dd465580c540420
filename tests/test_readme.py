"""The README says what was measured: its tables are those that the results give."""

from pathlib import Path

from benchmarks.figures import RESULTS, with_tables

ROOT = Path(__file__).resolve().parent.parent


def test_the_tables_are_made_from_the_results():
    readme = (ROOT / "README.md").read_text()
    assert with_tables(readme) == readme
    assert "| logistic_regression |" in readme


def test_every_result_says_how_it_was_made():
    for path in RESULTS.glob("*.csv"):
        lines = path.read_text().splitlines()
        assert lines[0].startswith("figure,value,low,high,asked,seed,command,note,commit,versions")
        assert len(lines) > 1
