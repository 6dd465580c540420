"""Margins of support vector machines, fitted by libsvm on a kernel matrix, as one coefficient a trial and class.

Classes are told apart in pairs (Hsu & Lin 2002, IEEE Trans Neural Netw 13:415); the score of a class is its mean margin
over the others, which is linear in the kernel:

    score(x) = kernel(x, training trials) @ coefficients + intercepts
"""

from itertools import combinations

import numpy as np


def fit_margins(kernel: np.ndarray, labels: np.ndarray, strength: float, n_classes: int):
    """Coefficients (trial, class), 0 off the support, and intercepts (class,).

    kernel : (trial, trial); labels : (trial,) integers below n_classes. A class without trials scores 0 everywhere,
    which is the mean of the others.
    """
    from sklearn.svm import SVC

    # Nothing is drawn here, but without a seed scikit-learn draws one from the global state.
    machine = SVC(C=strength, kernel="precomputed", cache_size=50, random_state=0).fit(kernel, labels)
    coefficients, intercepts = np.zeros((len(labels), n_classes)), np.zeros(n_classes)
    present, last = machine.classes_, np.cumsum(machine.n_support_)
    first, dual, support = last - machine.n_support_, machine.dual_coef_, machine.support_
    # With two classes scikit-learn turns the sign, so that the margin favours the second; with more, the first of each.
    favours_first = -1.0 if len(present) == 2 else 1.0
    weight = favours_first / (len(present) - 1)
    for number, (i, j) in enumerate(combinations(range(len(present)), 2)):
        for own, row in ((i, j - 1), (j, i)):
            members = slice(first[own], last[own])
            coefficients[support[members], present[i]] += weight * dual[row, members]
            coefficients[support[members], present[j]] -= weight * dual[row, members]
        intercepts[present[i]] += weight * machine.intercept_[number]
        intercepts[present[j]] -= weight * machine.intercept_[number]
    return coefficients, intercepts
