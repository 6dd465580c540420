"""connectivity/<method>: who influences whom in one session, as one method estimates it."""

import functools
from typing import Any

import numpy as np
import pandas as pd
from pydantic import create_model

from assets.stages import plugins
from assets.stages.sessions import suits_connectivity
from neuropipe import connectivity as methods
from neuropipe.catalog import DatasetEntry
from neuropipe.connectivity.of_session import SessionActivity, activity_of
from neuropipe.plots import connectivity as plots
from neuropipe.registry import Plugin
from neuropipe.schemas import Activity, Check, Connectivity, Recording
from resources.store.stage import Stage, StageConfig, stage

FACTS = ("directed", "signed", "calibrated")
OF_SESSION = ("epoch", "label")  # settings that say what is looked at; all others are the method's parameters
INSIDE = "No spike lies outside the epochs of the recording."
NO_COPIES = "No unit is a copy of another one, as a unit that was sorted twice."


def connectivity_config(plugin: Plugin) -> type[StageConfig]:
    """The method's parameters; epoch : that is looked at, None for all; label : column of the trial table."""
    fields = {"epoch": (str | None, None), "label": (str | None, None), **plugins.settings_of(plugin)}
    return create_model(f"{plugin.attribute}Config", __base__=StageConfig, **fields)


def _settings(dataset: DatasetEntry) -> dict[str, Any]:
    return {name: getattr(dataset.task, name, None) for name in OF_SESSION}


def _plots(made: Connectivity, **_: Any) -> dict[str, Any]:
    return plots.of_connectivity(made)


def _connectivity_stage(plugin: Plugin) -> Stage:
    declared = {name: plugin.facts[name] for name in FACTS}

    @stage(
        name=f"connectivity/{plugin.name}",
        group="connectivity",
        kinds=("zarr", *plugin.facts.get("tools", ())),
        description=f"{plugin.summary}\n\nWeights (source, target), with p-values and delays if it has them.",
        config=connectivity_config(plugin),
        settings=_settings,
        applies_to=functools.partial(suits_connectivity, plugin.facts["needs"]),
        uses=lambda _: plugins.uses(plugin, facts=FACTS),
        tools=("scipy", "scikit-learn"),
        slow=True,  # made where it is asked for: most sessions were recorded for something else
        isolated=plugin.facts.get("slow", False),
        checks={"spikes_inside": INSIDE, "no_copies": NO_COPIES},
        plots=_plots,
    )
    def connectivity(config: StageConfig, activity: Activity, recording: Recording) -> Connectivity:
        settings = config.model_dump()
        of = activity_of(activity, recording, **{name: settings[name] for name in OF_SESSION})
        parameters = {name: value for name, value in settings.items() if name not in OF_SESSION}
        return estimate(methods.make(plugin.name, **parameters), plugin.name, of, recording, settings, declared)

    return connectivity


def estimate(
    method: Any,
    name: str,
    of: SessionActivity,
    recording: Recording,
    settings: dict[str, Any],
    declared: dict[str, Any],
) -> Connectivity:
    """Fit a method; units that were not recorded, or hardly fire, have zero weights and say why.

    settings : of the stage; declared : directed, signed and calibrated, as the method declares
    """
    method.fit(of.data)
    n_units = len(of.units) + len(of.left_out)
    left_out = of.left_out | {int(of.units[unit]): why for unit, why in method.left_out_.items()}
    outside = of.facts.get("spikes_outside", 0)
    copies = [(int(of.units[each.unit]), int(of.units[each.other])) for each in method.duplicates_]
    facts = {
        "units": n_units,
        "left_out": len(left_out),
        "pairs": (n_units - len(left_out)) * (n_units - len(left_out) - 1),
        "pairs_with_a_weight": int(np.count_nonzero(method.weights_)),
        "copies": [list(pair) for pair in copies],
        **of.facts,
    }
    if method.p_values_ is not None:
        facts["pairs_at_p_.001"] = int((method.p_values_ < 0.001).sum())
    # Units that were found in voltage or in a movie are no rows of the recording.
    known = recording.units if len(recording.units) == n_units else pd.DataFrame({"unit": np.arange(n_units)})
    units = known.reset_index(drop=True).assign(left_out=[left_out.get(unit, "") for unit in range(n_units)])
    return Connectivity(
        weights=_everywhere(method.weights_, of.units, n_units, 0.0),
        p_values=_everywhere(method.p_values_, of.units, n_units, np.nan),
        delays=_everywhere(method.delays_, of.units, n_units, np.nan),
        units=units,
        method=name,
        parameters=settings,
        **declared,
        facts=facts,
        checks={
            "spikes_inside": Check(
                not outside, f"{outside} spikes lie outside all epochs and were left out" if outside else "", warn=True
            ),
            "no_copies": Check(not copies, _named(copies), warn=True),
        },
    )


def _named(copies: list[tuple[int, int]]) -> str:
    named = ", ".join(f"{unit} and {other}" for unit, other in copies[:5])
    return f"sorted twice: units {named}; nothing is estimated between them" if copies else ""


def _everywhere(values: np.ndarray | None, units: np.ndarray, n_units: int, absent: float) -> np.ndarray | None:
    """(source, target) of all units of the recording, from that of those that were looked at."""
    if values is None or len(units) == n_units:
        return values
    whole = np.full((n_units, n_units), absent)
    whole[np.ix_(units, units)] = values
    return whole


STAGES = [_connectivity_stage(plugin) for plugin in methods.available().values()]
