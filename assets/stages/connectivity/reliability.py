"""connectivity_reliability/<method>: whether a matrix can be reproduced, where the true connections are not known."""

import functools
from typing import Any

from assets.stages import plugins
from assets.stages.connectivity.connectivity import OF_SESSION
from assets.stages.sessions import suits_connectivity, true_wiring_is_unknown
from neuropipe import connectivity as methods
from neuropipe.catalog import Session
from neuropipe.connectivity.of_session import activity_of
from neuropipe.plots import connectivity_reliability as plots
from neuropipe.registry import Plugin
from neuropipe.schemas import Activity, Connectivity, ConnectivityReliability, Recording
from resources.store.stage import Stage, StageConfig, stage


class ReliabilityConfig(StageConfig):
    """seed : of the null and of the intervals."""

    seed: int = 0


def _applies(needs: str, session: Session) -> str | None:
    return suits_connectivity(needs, session) or true_wiring_is_unknown(session)


def _plots(made: ConnectivityReliability, **_: Any) -> dict[str, Any]:
    return {"connectivity_reliability": plots.reliability(made.reliability)}


def _reliability_stage(plugin: Plugin) -> Stage:
    @stage(
        name=f"connectivity_reliability/{plugin.name}",
        group="connectivity",
        inputs={"connectivity": f"connectivity/{plugin.name}"},
        kinds=("parquet",),
        description=f"Whether what `connectivity/{plugin.name}` finds can be reproduced: halves of it, other "
        "bin widths, activity without fast interactions and the prediction of held-out activity, with 95 % intervals.",
        applies_to=functools.partial(_applies, plugin.facts["needs"]),
        uses=lambda _: plugins.uses(plugin),
        tools=("scipy", "scikit-learn"),
        slow=True,
        isolated=plugin.facts.get("slow", False),
        plots=_plots,
    )
    def connectivity_reliability(
        config: ReliabilityConfig, connectivity: Connectivity, activity: Activity, recording: Recording
    ) -> ConnectivityReliability:
        from neuropipe.connectivity.reliability import limits, reliability  # scikit-learn takes long to import

        settings = dict(connectivity.parameters)
        of = activity_of(activity, recording, **{name: settings.pop(name) for name in OF_SESSION})
        found = reliability(functools.partial(methods.make, plugin.name, **settings), of.data, seed=config.seed)
        said = limits(of.data)
        numbers = {row.measure: round(float(row.value), 4) for row in found.itertuples()}
        return ConnectivityReliability(reliability=found, limits=said, facts={"limits": said, **numbers})

    return connectivity_reliability


STAGES = [_reliability_stage(plugin) for plugin in methods.available().values()]
