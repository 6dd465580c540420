"""Cross-validation folds as data, and the check that training sees nothing of a test sample.

A table of folds has one row per fold and sample: fold (int), sample (int, row of the session's samples) and role:
"train", "test" or "gap" (neither: too close to a test sample in time).
"""

from neuropipe.folds.leakage import check_leakage, leaks
from neuropipe.folds.making import make_folds
from neuropipe.folds.schemes import SCHEMES, Samples, Scheme

__all__ = ["SCHEMES", "Samples", "Scheme", "check_leakage", "leaks", "make_folds"]
