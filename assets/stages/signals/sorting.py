"""sorting/<sorter>: the spikes of all units that a sorter finds in raw voltage; true_spikes where they are known."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, create_model

from assets.stages import plugins
from assets.stages.sessions import is_voltage, knows_units
from neuropipe import sorting as library
from neuropipe.plots import voltage as plots
from neuropipe.registry import Plugin
from neuropipe.schemas import Preprocessing, Recording, Sorting
from neuropipe.sorting.running import BYTES_PER_SAMPLE, run_sorter
from resources.files.disk import need_disk
from resources.store.stage import RUNTIME_ONLY, Stage, StageConfig, stage

HOUR = 3600.0


def _config(plugin: Plugin) -> type[StageConfig]:
    """The sorter's own parameters, and time_limit : s, after which it is stopped."""
    limit = (float, Field(2 * HOUR, gt=0, json_schema_extra=RUNTIME_ONLY))
    return create_model(
        f"{plugin.attribute}Sorting", __base__=StageConfig, **plugins.settings_of(plugin), time_limit=limit
    )


def _plots(made: Sorting, recording: Recording, **_: Any) -> dict[str, Any]:
    return {"raster": plots.raster(made.trains)}


def _sorting_stage(plugin: Plugin) -> Stage:
    @stage(
        name=f"sorting/{plugin.name}",
        group="signals",
        kinds=("zarr", "spikeinterface"),
        description=f"{plugin.summary}\n\nSpikes of all units that it finds, before curation.",
        config=_config(plugin),
        applies_to=is_voltage,
        uses=lambda _: plugins.uses(plugin),
        tools=("spikeinterface", "probeinterface", "scipy"),
        slow=plugin.facts.get("slow", False),
        isolated=True,
        plots=_plots,
    )
    def sorting(
        config: StageConfig,
        recording: Recording,
        preprocessing: Preprocessing,
        files: Mapping[str, Path],
        scratch: Path,
        log: Any,
    ) -> Sorting:
        parameters = config.model_dump()
        time_limit = parameters.pop("time_limit")
        voltage = recording.raw_voltage(files)
        n_samples, n_channels = voltage.samples.shape
        need_disk(scratch, n_samples * n_channels * BYTES_PER_SAMPLE, f"what {plugin.name} writes")
        spikes = run_sorter(
            library.get(plugin.name),
            voltage,
            preprocessing.prepared,
            scratch,
            time_limit=time_limit,
            log=log.info,
            **parameters,
        )
        facts = {"units": spikes.n_units, "spikes": len(spikes.times), "seconds sorted": round(voltage.duration, 1)}
        return Sorting(times=spikes.times, offsets=spikes.offsets, facts=facts)

    return sorting


@stage(group="signals", kinds=("zarr",), applies_to=knows_units)
def true_spikes(recording: Recording) -> Sorting:
    """The true spikes of the units in simulated voltage, to compare decoders from sorted and from true spikes."""
    times, offsets = recording.truth["spike_times"][:], recording.truth["spike_offsets"][:]
    return Sorting(times=times, offsets=offsets, facts={"units": len(offsets) - 1, "spikes": len(times)})


STAGES = [*(_sorting_stage(plugin) for plugin in library.available().values()), true_spikes]
