"""Probes of simulated recordings: where their contacts lie."""

import numpy as np
import pandas as pd

from neuropipe.errors import BadInput

# name -> (columns, rows, pitch in um)
GRIDS = {"tetrode": (2, 2, 20.0), "linear_32": (2, 16, 25.0)}


def probe_channels(name: str) -> pd.DataFrame:
    """x, y (um) of each contact, row by row from the tip of the probe."""
    if name not in GRIDS:
        raise BadInput(f"no simulated probe is called {name!r}; there is {', '.join(GRIDS)}")
    columns, rows, pitch = GRIDS[name]
    y, x = np.mgrid[:rows, :columns] * pitch
    return pd.DataFrame({"x": x.ravel(), "y": y.ravel()})
