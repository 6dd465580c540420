"""sorting_agreement/<sorter>: which units a sorter and the default one both find; sorting_repeated/<sorter>: which of
them a second run with another seed finds again."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import Field

from assets.stages import plugins
from assets.stages.sessions import is_voltage
from neuropipe import sorting as library
from neuropipe.plots import sortings as plots
from neuropipe.recording import SpikeTrains
from neuropipe.registry import Plugin
from neuropipe.schemas import Preprocessing, Recording, SortedSpikes, Sorting, SortingAgreement
from neuropipe.sorting.comparison import match_units
from neuropipe.sorting.running import run_sorter
from resources.store.stage import RUNTIME_ONLY, Stage, StageConfig, stage

DEFAULT = "spykingcircus2"
ALIKE = 0.5


class RepeatConfig(StageConfig):
    """seed : of the second run, with the sorter's default parameters; time_limit : s."""

    seed: int = Field(1, ge=0)
    time_limit: float = Field(7200.0, gt=0, json_schema_extra=RUNTIME_ONLY)


def _plots(made: SortingAgreement, **_: Any) -> dict[str, Any]:
    matrix, partner = made.agreement[:], made.units["partner"].to_numpy()
    return {"agreement": plots.agreement(matrix, partner, first=made.names[0], second=made.names[1])}


def compared(first: SpikeTrains, second: SpikeTrains, names: tuple[str, str]) -> SortingAgreement:
    """The agreement of two sortings, unit by unit."""
    matching = match_units(first, second)
    partner = matching.partner
    with_partner = np.where(partner >= 0, matching.agreement[np.arange(len(partner)), partner], 0.0)
    return SortingAgreement(
        agreement=matching.agreement,
        units=pd.DataFrame({"unit": np.arange(len(partner)), "partner": partner, "agreement": with_partner}),
        names=list(names),
        facts={
            f"units of {names[0]}": first.n_units,
            f"units of {names[1]}": second.n_units,
            "units in both (agreement of .5 or more)": int((with_partner >= ALIKE).sum()),
        },
    )


def _agreement_stage(plugin: Plugin) -> Stage:
    @stage(
        name=f"sorting_agreement/{plugin.name}",
        group="signals",
        inputs={"first": f"sorted_spikes/{DEFAULT}", "second": f"sorted_spikes/{plugin.name}"},
        kinds=("zarr", "parquet"),
        description=f"Which units `sorted_spikes/{DEFAULT}` and `sorted_spikes/{plugin.name}` both find: the number of "
        "spikes that each pair shares over all spikes of either.",
        applies_to=is_voltage,
        tools=("scipy",),
        slow=plugin.facts.get("slow", False),
        plots=_plots,
    )
    def agreement(first: SortedSpikes, second: SortedSpikes) -> SortingAgreement:
        return compared(first.trains, second.trains, (DEFAULT, plugin.name))

    return agreement


def _repeated_stage(plugin: Plugin) -> Stage:
    @stage(
        name=f"sorting_repeated/{plugin.name}",
        group="signals",
        inputs={"sorting": f"sorting/{plugin.name}"},
        kinds=("zarr", "parquet"),
        description=f"Which units of `sorting/{plugin.name}` a second run with another seed finds again.",
        config=RepeatConfig,
        applies_to=is_voltage,
        uses=lambda _: plugins.uses(plugin),
        tools=("spikeinterface", "probeinterface", "scipy"),
        slow=True,
        isolated=True,
        plots=_plots,
    )
    def repeated(
        config: RepeatConfig,
        recording: Recording,
        preprocessing: Preprocessing,
        sorting: Sorting,
        files: Mapping[str, Path],
        scratch: Path,
        log: Any,
    ) -> SortingAgreement:
        again = run_sorter(
            library.get(plugin.name),
            recording.raw_voltage(files),
            preprocessing.prepared,
            scratch,
            time_limit=config.time_limit,
            log=log.info,
            seed=config.seed,
        )
        return compared(sorting.trains, again, (plugin.name, f"{plugin.name}, seed {config.seed}"))

    return repeated


_SORTERS = library.available()
STAGES = [
    *(_agreement_stage(plugin) for plugin in _SORTERS.values() if plugin.name != DEFAULT),
    *(_repeated_stage(plugin) for plugin in _SORTERS.values()),
]
