"""The AR(2) core of OASIS in time linear in the number of frames.

Algorithm of Friedrich, Zhou and Paninski (2017), as in the library's `oasisAR2`, to which it is equal. There every
merge of two pools sums over the frames of both, which takes long where hardly anything fires. The response
g11(m) = (d^(m+1) - r^(m+1)) / (d - r) is a difference of two powers, so the sum of g11(m) y(m) over a pool follows
from two sums, of d^m y(m) and of r^m y(m), and those of a merged pool follow from those of its parts.
"""

import numba
import numpy as np


@numba.njit(nogil=True)
def oasis_ar2(y: np.ndarray, d: float, r: float, s_min: float) -> np.ndarray:
    """Events (time,) with s_t = c_t - (d + r) c_(t-1) + d r c_(t-2) >= s_min or 0, c the fit to y (time,).

    d, r : the decay's and the rise's factor from frame to frame, 0 < r < d < 1
    """
    n = len(y)
    g1, g2 = d + r, -d * r
    # g11, g12: weight of the pool's first value and of the value before it; cumulated squares and products
    g11, g12 = np.empty(n + 1), np.zeros(n + 1)
    powers_d, powers_r = np.empty(n + 1), np.empty(n + 1)
    squares, products = np.empty(n + 1), np.empty(n + 1)
    power_d, power_r, square, product = 1.0, 1.0, 0.0, 0.0
    for m in range(n + 1):
        powers_d[m], powers_r[m] = power_d, power_r
        g11[m] = (power_d * d - power_r * r) / (d - r)
        if m > 0:
            g12[m] = g2 * g11[m - 1]
        square += g11[m] * g11[m]
        product += g11[m] * g12[m]
        squares[m], products[m] = square, product
        power_d *= d
        power_r *= r
    # a pool: its first and last value, its first frame and length, and its two sums
    first, last = np.empty(n), np.empty(n)
    start, length = np.empty(n, np.int64), np.empty(n, np.int64)
    sum_d, sum_r = np.empty(n), np.empty(n)
    i = -1  # the last pool
    for t in range(n):
        i += 1
        value = max(0.0, y[t]) if t == 0 else y[t]
        first[i], last[i], start[i], length[i], sum_d[i], sum_r[i] = value, value, t, 1, y[t], y[t]
        while i > 0:
            expected = last[0] * d
            if i > 1:
                expected = g11[length[i - 1]] * first[i - 1] + g12[length[i - 1]] * last[i - 2]
            if expected <= first[i] - s_min:
                break
            i -= 1
            sum_d[i] += powers_d[length[i]] * sum_d[i + 1]
            sum_r[i] += powers_r[length[i]] * sum_r[i + 1]
            length[i] += length[i + 1]
            end = length[i] - 1
            if i > 0:
                fitted = (d * sum_d[i] - r * sum_r[i]) / (d - r)
                first[i] = (fitted - products[end] * last[i - 1]) / squares[end]
                last[i] = g11[end] * first[i] + g12[end] * last[i - 1]
            else:  # what was there before the recording: it only decays
                first[0] = max(0.0, sum_d[0] * (1 - d * d) / (1 - powers_d[length[0]] ** 2))
                last[0] = powers_d[end] * first[0]
    events = np.zeros(n)
    for pool in range(1, i + 1):
        before = last[pool - 1]
        if length[pool - 1] > 1:
            if pool - 1 == 0:
                earlier = powers_d[length[0] - 2] * first[0]
            else:
                m = length[pool - 1] - 2
                earlier = g11[m] * first[pool - 1] + g12[m] * last[pool - 2]
        else:
            earlier = last[pool - 2] if pool > 1 else 0.0
        events[start[pool]] = first[pool] - g1 * before - g2 * earlier
    events[:2] = 0  # of what was there before the recording
    return events
