"""Learn the coefficients of the connectivity method `ensemble` on simulated networks that are never scored.

    python -m benchmarks.connectivity_ensemble > neuropipe/connectivity/ensemble_coefficients.py

Four networks each of the kinds 'standard' and 'hard' of sim-network, with seeds of their own, and two with faster
common drive. How well the coefficients do on a network that they were not learned on is printed to stderr: for each
network, AUROC and average precision with coefficients learned on all others.
"""

import sys

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, roc_auc_score

from neuropipe.connectivity import ConnectivityData
from neuropipe.connectivity.pair_features import BIN_WIDTH, NAMES, pair_features

STANDARD = {"n_units": 100, "duration": 1800.0, "excitatory_weight": 0.7, "inhibitory_weight": 2.8}
HARD = STANDARD | {"duration": 600.0, "n_hidden": 100, "common_drive": 1.5, "common_drive_time": 0.2, "n_groups": 2}
FAST_DRIVE = HARD | {"common_drive_time": 0.03, "n_groups": 3}
NETWORKS = [
    *((STANDARD, seed) for seed in (2001, 2002, 2003, 2004)),
    *((HARD, seed) for seed in (2001, 2002, 2003, 2004)),
    *((FAST_DRIVE, seed) for seed in (2001, 2002)),
]
STRENGTH = 0.1  # of the inverse penalty


def pairs_of(parameters: dict, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Features, (pair, feature), and whether each pair is connected, of one simulated network."""
    from neuropipe.simulate.integrate_and_fire import integrate_and_fire_network

    recording = integrate_and_fire_network(seed=seed, **parameters)
    assert recording.spikes is not None
    data = ConnectivityData(spikes=recording.spikes, start=0.0, stop=parameters["duration"])
    wired = np.asarray(recording.truth["weights"]) != 0
    off = ~np.eye(len(wired), dtype=bool)
    return pair_features(data, BIN_WIDTH).features[:, off].T, wired[off]


def learned(networks: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray, LogisticRegression]:
    """Means and SDs of the features, and the regression on standardised ones."""
    features = np.concatenate([pairs for pairs, _ in networks])
    means, sds = features.mean(axis=0), features.std(axis=0)
    model = LogisticRegression(C=STRENGTH, max_iter=1000)
    return means, sds, model.fit((features - means) / sds, np.concatenate([wired for _, wired in networks]))


def main() -> None:
    networks = []
    for parameters, seed in NETWORKS:
        networks.append(pairs_of(parameters, seed))
        print(f"seed {seed} of {parameters} done", file=sys.stderr, flush=True)
    for number, (pairs, wired) in enumerate(networks):
        means, sds, model = learned(networks[:number] + networks[number + 1 :])
        scores = model.decision_function((pairs - means) / sds)
        area, precision = roc_auc_score(wired, scores), average_precision_score(wired, scores)
        print(f"network {number}: AUROC {area:.3f}, AP {precision:.3f}", file=sys.stderr)
    means, sds, model = learned(networks)
    print('"""Coefficients of `ensemble`, made by `python -m benchmarks.connectivity_ensemble`."""\n')
    for name, values in (("COEFFICIENTS", model.coef_[0]), ("MEANS", means), ("SDS", sds)):
        print(f"{name} = {{")
        for feature, value in zip(NAMES, values, strict=True):
            print(f'    "{feature}": {float(value):.5g},')
        print("}")
    print(f"INTERCEPT = {float(model.intercept_[0]):.5g}")


if __name__ == "__main__":
    main()
