"""features/<name>: what decoders are given of continuous signals: filtered voltage, band power, standardized BOLD."""

import functools
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import create_model

from assets.stages import plugins
from assets.stages.sessions import has_signals
from neuropipe import fields
from neuropipe.fields.extraction import channel_names, extract
from neuropipe.fields.reference import reference_weights
from neuropipe.plots import fields as plots
from neuropipe.registry import Plugin
from neuropipe.schemas import Check, Features, Recording
from neuropipe.schemas.chunks import roi_blocks, roi_chunks
from resources.store.stage import Stage, StageConfig, stage

FINITE = "Every feature is a finite number."


def _config(plugin: Plugin) -> type[StageConfig]:
    """The feature's own parameters, and reference : what is subtracted first (see `reference_weights`)."""
    base = {**plugins.settings_of(plugin), "reference": (str, "none")}
    return create_model(f"{plugin.attribute}Features", __base__=StageConfig, **base)


def _plots(made: Features, **_: Any) -> dict[str, Any]:
    return {"signals": plots.stretch_of_signals(made)}


def _features_stage(plugin: Plugin) -> Stage:
    @stage(
        name=f"features/{plugin.name}",
        group="signals",
        kinds=("zarr", *plugin.facts["tools"]),
        description=f"{plugin.summary}\n\nFeatures of each channel at every sample: (time, unit).",
        config=_config(plugin),
        applies_to=functools.partial(has_signals, plugin.facts["modalities"]),
        uses=lambda _: plugins.uses(plugin),
        tools=("scipy",),
        checks={"features_finite": FINITE},
        plots=_plots,
    )
    def features(config: StageConfig, recording: Recording, scratch: Path) -> Features:
        parameters = config.model_dump()
        reference = parameters.pop("reference")
        return make_features(plugin.name, reference, parameters, recording, scratch)

    return features


def make_features(name: str, reference: str, parameters: dict, recording: Recording, scratch: Path) -> Features:
    """Features of all channels, written block by block. scratch : folder for the array"""
    import zarr

    feature: Any = fields.make(name, **parameters)
    names = channel_names(recording.units)
    n_features = len(feature.names)
    shape = (recording.signals.shape[0], len(names) * n_features)
    group = zarr.open_group(scratch / "features.zarr", mode="w", zarr_format=3)
    made = group.create_array("signals", shape=shape, chunks=roi_chunks(shape), dtype=np.float32)
    segments, rate = recording.segments[:], float(recording.sampling_rate or 0)
    weights = reference_weights(reference, names)
    wrong = 0
    for block, values in extract(recording.signals, segments, rate, feature, roi_blocks(recording.signals), weights):
        made[:, block.start * n_features : block.start * n_features + values.shape[1]] = values
        wrong += int((~np.isfinite(values)).sum())
    rows = np.repeat(np.arange(len(names)), n_features)
    units = recording.units.drop(columns=["channel", "feature"], errors="ignore").iloc[rows].reset_index(drop=True)
    which = {"channel": np.array(names)[rows], "feature": np.tile(np.array(feature.names), len(names))}
    quantity = feature.quantity(recording.quantity or "a.u.")
    return Features(
        signals=made,
        segments=segments,
        segment_starts=recording.segment_starts[:],
        units=pd.concat([pd.DataFrame(which), units], axis=1),
        sampling_rate=rate,
        quantity=quantity,
        method=name,
        checks={"features_finite": Check(wrong == 0, facts={"wrong_values": wrong})},
        facts={
            "channels": len(names),
            "features": list(feature.names),
            "samples": shape[0],
            "sampling_rate": rate,
            "segments": len(segments),
            "quantity": quantity,
            "reference": reference,
        },
    )


STAGES = [_features_stage(plugin) for plugin in fields.available().values()]
