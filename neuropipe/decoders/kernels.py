"""Kernels of support vector machines, computed from inner products that are made once and shared by all of them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from neuropipe.errors import BadInput


@dataclass(frozen=True)
class Kernel:
    """name : one of KERNELS; gamma : its scale, for rows of mean squared length 1; degree : of a polynomial"""

    name: str
    gamma: float
    degree: int

    def __call__(self, products: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """products : (row, other), inner products; left : (row,), right : (other,), squared lengths -> (row, other)"""
        return KERNELS[self.name](self, products, left, right)


def _linear(_, products, left, right):
    return products


def _polynomial(kernel, products, left, right):
    return (kernel.gamma * products + 1) ** kernel.degree


def _rbf(kernel, products, left, right):
    return np.exp(-kernel.gamma * np.maximum(left[:, None] + right - 2 * products, 0))


KERNELS: dict[str, Callable] = {"linear": _linear, "polynomial": _polynomial, "rbf": _rbf}


def distinct_kernels(names: Iterable[str], gammas: Iterable[float], degree: int) -> list[Kernel]:
    """Every kernel at every gamma; the linear one, which has no scale that C has not, once."""
    kernels, gammas = [], tuple(gammas)
    for name in names:
        if name not in KERNELS:
            raise BadInput(f"kernels holds {name!r}, which is no kernel; choose from {', '.join(KERNELS)}")
        kernels += [Kernel(name, gamma, degree) for gamma in ((1.0,) if name == "linear" else gammas)]
    if not kernels:
        raise BadInput(f"kernels is empty; give at least one of {', '.join(KERNELS)}")
    return kernels
