"""templates/, quality_metrics/, sorted_spikes/<sorter>: what units look like, how good they are, which are kept.

Each is a stage of its own, so that another threshold reruns curation alone.
"""

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import Field, create_model

from assets.stages.sessions import is_voltage
from neuropipe import sorting as library
from neuropipe.errors import BadInput
from neuropipe.plots import voltage as plots
from neuropipe.recording import SpikeTrains
from neuropipe.registry import Plugin
from neuropipe.schemas import Check, Preprocessing, Recording, SortedSpikes, Sorting, Templates, UnitQuality
from neuropipe.sorting.curation import Thresholds, curate
from neuropipe.sorting.labels import bombcell_labels
from neuropipe.sorting.quality import QualitySettings, quality_metrics
from neuropipe.sorting.templates import templates_of
from resources.store.stage import Stage, StageConfig, stage


class TemplatesConfig(StageConfig):
    """ms_before, ms_after : around the trough; most_spikes : averaged per unit; radius : um, within which a unit is
    seen; seed : of the choice of spikes"""

    ms_before: float = Field(1.0, gt=0)
    ms_after: float = Field(2.0, gt=0)
    most_spikes: int = Field(500, ge=10)
    radius: float = Field(100.0, gt=0)
    seed: int = Field(0, ge=0)


class QualityConfig(StageConfig):
    """refractory, presence_bin, drift_bin : s, as in QualitySettings; labels : `bombcell` adds a column of labels."""

    refractory: float = Field(0.0015, gt=0)
    presence_bin: float = Field(10.0, gt=0)
    drift_bin: float = Field(10.0, gt=0)
    labels: Literal["none", "bombcell"] = "none"


CurationConfig = create_model(
    "CurationConfig", __base__=StageConfig, **{field.name: (field.type, field.default) for field in fields(Thresholds)}
)


def _templates_plots(made: Templates, recording: Recording, **_: Any) -> dict[str, Any]:
    return {
        "templates": plots.templates(made.templates[:], made.layout, made.units),
        "places": plots.places(made.units, recording.channels, recording.truth),
    }


def _templates_stage(plugin: Plugin) -> Stage:
    @stage(
        name=f"templates/{plugin.name}",
        group="signals",
        inputs={"sorting": f"sorting/{plugin.name}"},
        kinds=("zarr", "spikeinterface"),
        description=f"Mean action potentials of the units of `sorting/{plugin.name}`, their places along the probe and "
        "shapes, and of every spike its size and depth.",
        config=TemplatesConfig,
        applies_to=is_voltage,
        tools=("spikeinterface", "probeinterface", "scipy", "numba", "scikit-learn"),
        slow=plugin.facts.get("slow", False),
        isolated=True,
        plots=_templates_plots,
    )
    def templates(
        config: TemplatesConfig,
        recording: Recording,
        preprocessing: Preprocessing,
        sorting: Sorting,
        files: Mapping[str, Path],
    ) -> Templates:
        voltage = recording.raw_voltage(files)
        found = templates_of(voltage, preprocessing.prepared, sorting.trains, **config.model_dump())
        return Templates(
            templates=found.templates,
            channel_index=found.channel_index,
            amplitudes=found.amplitudes,
            depths=found.depths,
            units=found.units,
            layout={"sampling_rate": voltage.sampling_rate, "before": found.before},
            facts={"units": len(found.units), "median snr": round(float(found.units["snr"].median()), 2)},
        )

    return templates


def _quality_plots(made: UnitQuality, **_: Any) -> dict[str, Any]:
    return {"metrics": plots.metrics(made.metrics)}


def _quality_stage(plugin: Plugin) -> Stage:
    @stage(
        name=f"quality_metrics/{plugin.name}",
        group="signals",
        inputs={"sorting": f"sorting/{plugin.name}", "templates": f"templates/{plugin.name}"},
        kinds=("parquet",),
        description=f"Quality metrics of the units of `sorting/{plugin.name}`: violations of the refractory period, "
        "presence, missed spikes, signal to noise, drift; labels of published rules where they are asked for.",
        config=QualityConfig,
        applies_to=is_voltage,
        tools=("scipy", "spikeinterface"),
        slow=plugin.facts.get("slow", False),
        plots=_quality_plots,
    )
    def quality(config: QualityConfig, recording: Recording, sorting: Sorting, templates: Templates) -> UnitQuality:
        settings = QualitySettings(config.refractory, config.presence_bin, config.drift_bin)
        address = recording.voltage or {}
        table = quality_metrics(
            sorting.trains,
            templates.amplitudes[:],
            templates.depths[:],
            address["samples"] / address["sampling_rate"],
            settings,
            start=address["start"],
        )
        table.insert(0, "unit", np.arange(len(table)))
        table = pd.concat([table, templates.units.reset_index(drop=True)], axis=1)
        if config.labels == "bombcell":
            table["label"] = bombcell_labels(table)
        typical = {
            name: round(float(table[name].median()), 4) for name in ("snr", "presence_ratio", "isi_violations_ratio")
        }
        labels = {"labels": table["label"].value_counts().to_dict()} if "label" in table else {}
        return UnitQuality(metrics=table, facts={"units": len(table), **typical, **labels})

    return quality


def _sorted_plots(made: SortedSpikes, **_: Any) -> dict[str, Any]:
    return {"raster": plots.raster(made.trains), "kept": plots.kept(made.units, made.rejected)}


def _sorted_stage(plugin: Plugin) -> Stage:
    @stage(
        name=f"sorted_spikes/{plugin.name}",
        group="signals",
        inputs={"sorting": f"sorting/{plugin.name}", "quality_metrics": f"quality_metrics/{plugin.name}"},
        kinds=("zarr", "parquet"),
        description=f"Spikes of the units of `sorting/{plugin.name}` that pass curation: thresholds on quality "
        "metrics, or labels.",
        config=CurationConfig,
        applies_to=is_voltage,
        slow=plugin.facts.get("slow", False),
        checks={"most_kept": "Curation keeps at least half of the units."},
        plots=_sorted_plots,
    )
    def sorted_spikes(config: Any, sorting: Sorting, quality_metrics: UnitQuality) -> SortedSpikes:
        return keep(sorting.trains, quality_metrics.metrics, Thresholds(**config.model_dump()))

    return sorted_spikes


def keep(spikes: SpikeTrains, metrics: pd.DataFrame, thresholds: Thresholds) -> SortedSpikes:
    """The units that pass the thresholds; raises BadInput where none does, with the commonest reason."""
    why = curate(metrics, thresholds)
    kept = np.flatnonzero(why == "")
    if len(kept) == 0:
        reasons = pd.Series([reason.split(" ")[0] for reason in why]).value_counts()
        raise BadInput(
            f"curation keeps none of {len(why)} units, most often for {reasons.index[0]} ({reasons.iloc[0]} units): "
            f"allow more with --set, or look at the quality metrics"
        )
    trains = SpikeTrains.from_list([spikes.times[spikes.offsets[unit] : spikes.offsets[unit + 1]] for unit in kept])
    rejected = np.flatnonzero(why != "")
    return SortedSpikes(
        times=trains.times,
        offsets=trains.offsets,
        units=metrics.iloc[kept].reset_index(drop=True),
        rejected=pd.DataFrame({"unit": rejected, "why": why[rejected].astype(str)}),
        facts={"units": len(kept), "rejected": len(rejected), "spikes": len(trains.times)},
        checks={
            "most_kept": Check(
                2 * len(kept) >= len(why), f"{len(rejected)} of {len(why)} units are rejected", warn=True
            )
        },
    )


STAGES = [
    make(plugin)
    for plugin in library.available().values()
    for make in (_templates_stage, _quality_stage, _sorted_stage)
]
