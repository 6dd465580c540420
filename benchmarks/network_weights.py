"""How hard simulated networks are for the anchor, as their synaptic weights were chosen (docs/choices/networks.md).

    python -m benchmarks.network_weights [--weights 0.6 0.7] [--sessions 'tuning-standard-*'] [--set NAME=VALUE ...]

Prints the average precision (AP) and AUROC of `cross_correlogram` on sessions of sim-network, with the mean excitatory
weight (mV) of the catalogue replaced by each of those given; inhibition stays as many times stronger as it is there.
"""

import argparse
import fnmatch
from pathlib import Path

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score

from neuropipe import connectivity, simulate
from neuropipe.catalog import Catalog, Session
from neuropipe.connectivity.data import ConnectivityData
from neuropipe.recording import Recording

CATALOG = Path(__file__).resolve().parents[1] / "data" / "catalog"


def simulated(session: Session, weight: float | None) -> Recording:
    """The recording of a session, with another mean excitatory weight."""
    parameters = dict(session.parameters)
    if weight is not None:
        parameters["inhibitory_weight"] *= weight / parameters["excitatory_weight"]
        parameters["excitatory_weight"] = weight
    assert session.simulator is not None
    return simulate.get(session.simulator).load()(**parameters)


def scores(made: Recording, settings: dict[str, float]) -> tuple[float, float]:
    """AP and AUROC of the anchor over ordered pairs of units."""
    assert made.spikes is not None
    assert made.epochs is not None
    data = ConnectivityData(spikes=made.spikes, start=0.0, stop=float(made.epochs["stop"].iloc[0]))
    found = connectivity.make("cross_correlogram", **settings).fit(data)
    pairs = ~np.eye(data.n_units, dtype=bool)
    true, score = made.truth["weights"][pairs] != 0, np.abs(found.weights_[pairs])
    return float(average_precision_score(true, score)), float(roc_auc_score(true, score))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=float, nargs="*", default=[], help="mV; without: those of the catalogue")
    parser.add_argument("--sessions", default="tuning-standard-*", help="of sim-network, with * and ?")
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", help="parameters of the anchor")
    arguments = parser.parse_args()
    settings = {name: float(value) for name, _, value in (each.partition("=") for each in arguments.set)}
    sessions = [
        session
        for session in Catalog.load(CATALOG)
        if fnmatch.fnmatch(session.key, f"sim-network.{arguments.sessions}")
    ]
    print("weight (mV) | AP of each session | mean AP | mean AUROC")
    for weight in arguments.weights or [None]:
        found = np.array([scores(simulated(session, weight), settings) for session in sessions])
        each = " ".join(f"{precision:.3f}" for precision in found[:, 0])
        shown = "catalogue" if weight is None else f"{weight:g}"
        print(f"{shown} | {each} | {found[:, 0].mean():.3f} | {found[:, 1].mean():.3f}", flush=True)


if __name__ == "__main__":
    main()
