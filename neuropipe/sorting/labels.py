"""Labels of sorted units by published rules."""

import numpy as np
import pandas as pd


def bombcell_labels(metrics: pd.DataFrame) -> np.ndarray:
    """(unit,) good, mua, noise or non_soma by Bombcell's default thresholds on metrics and shapes of templates.

    Fabre et al. 2023, doi:10.5281/zenodo.8172821, as in SpikeInterface. Metrics of isolation in the space of principal
    components aren't computed and left out of the rules.
    """
    from spikeinterface.curation import bombcell_get_default_thresholds, bombcell_label_units

    thresholds = {
        section: {name: limits for name, limits in rules.items() if name in metrics}
        for section, rules in bombcell_get_default_thresholds().items()
    }
    labels = bombcell_label_units(external_metrics=metrics, thresholds=thresholds)
    return labels.iloc[:, 0].to_numpy(str)
