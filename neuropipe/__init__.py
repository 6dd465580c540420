"""neuropipe: neural recordings in, models and connectivity matrices out.

The modules below are a plain library. `load`, `sessions`, `run` and `leaderboard` are the door to the pipeline in the
clone that this package is installed from, also from a notebook elsewhere:

    import neuropipe as npp
    npp.run("decoder/ridge", session="reaching-m1.stevenson-2011")
    binned = npp.load("binned", "reaching-m1.stevenson-2011")
    binned.to_xarray()
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

__version__ = "0.2.0"

Settings = Mapping[str, Any]


def load(asset: str, session: str | None = None, *, settings: Settings | None = None) -> Any:
    """The typed object of an artifact (neuropipe.schemas), lazy where large; nothing is run.

    session : key, None for what is made once for all; settings : as in `run`.
    Raises BadInput, with the call that makes it, where the store has no current one.
    """
    return _pipeline().load(asset, session, settings)


def sessions() -> "pd.DataFrame":
    """One row per session of the catalogue: session, modality, task, target, files, bytes, note."""
    return _pipeline().sessions()


def run(
    *selection: str, session: str | list[str] | None = None, settings: Settings | None = None, refresh: bool = False
) -> dict[str, Any]:
    """Make assets, with everything upstream that is not in the store; what is unchanged is reused.

    selection : names and globs as on the command line, all quick assets by default; session : keys or globs;
    settings : `{"decoder/xgboost.max_depth": 2}`, the result is a variant of its own; refresh : run again all the same.
    Returns hit, run, failed, seconds and failures: a list of {asset, session, reason}.
    """
    return _pipeline().run(selection, session, settings, refresh)


def leaderboard(session: str | list[str] | None = None) -> "pd.DataFrame":
    """Every model of every session that the store holds, ranked; one column per metric. session : keys or globs."""
    return _pipeline().leaderboard(session)


def _pipeline() -> Any:
    from neuropipe.console import from_clone

    return from_clone("assets.python")
