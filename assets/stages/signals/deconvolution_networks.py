"""deconvolution_networks: networks trained on recordings with true spikes; events/learned: what they find elsewhere.

For each group of the cohort there are networks that never saw it, matched to its noise and traits; a session of that
group is deconvolved by those. All other sessions are deconvolved by networks that saw every group.
"""

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import Field, PositiveFloat

from assets.stages import plugins
from assets.stages.sessions import has_fluorescence
from assets.stages.signals.events import FINITE, dff_of, events_config, find_events, plot_events
from neuropipe import calcium
from neuropipe.calcium.preprocessing import fill_gaps, frame_rate_of
from neuropipe.calcium.recorded import recorded_spans
from neuropipe.catalog import Session
from neuropipe.catalog.cohorts import NOTHING, Cohort, load_cohort
from neuropipe.errors import BadInput
from neuropipe.plots import deconvolution_networks as plots
from neuropipe.schemas import Check, DeconvolutionNetworks, Events, Fluorescence, Recording
from resources.store.members import absent_members, cohort_members
from resources.store.plan import Planner
from resources.store.stage import Member, StageConfig, Unresolved, Uses, stage
from resources.workspace import Workspace

NETWORKS = "deconvolution_networks"
METHOD = "learned"
LONGEST_GAP = 1.0  # s of NaN in a recording to learn from
STEPS_BETWEEN_LINES = 500
N_NOISE_LEVELS = 64
STEP_OF_NOISE = 0.954  # median |x - y| of two normals of SD 1
CURVE = ("left_out", "rate", "seed")


class NetworksConfig(StageConfig):
    """rates : Hz at which networks work; those that leave a group out work at the highest.

    noise : from and to, %/sqrt(Hz), of the traces that networks for any recording are trained for; n_networks : of each
    kind, whose disagreement is the uncertainty; n_steps, channels : of each network
    """

    rates: tuple[PositiveFloat, ...] = Field((25.0, 10.0), min_length=1)
    noise: tuple[PositiveFloat, PositiveFloat] = (0.3, 8.0)
    n_networks: int = Field(3, ge=2)
    n_steps: int = Field(1000, ge=50)
    channels: int = Field(16, ge=1)
    seed: int = Field(0, ge=0)


def _cohort(workspace: Workspace) -> Cohort | None:
    return load_cohort(workspace.catalog_root, NETWORKS, workspace.catalog.sessions)


def _unavailable(planner: Planner) -> str | None:
    """Why the networks can't be trained yet, with the command that makes what is missing."""
    cohort = _cohort(planner.pipeline.workspace)
    if cohort is None:
        return f"the catalogue names no sessions to learn from (cohorts/{NETWORKS}.yaml)"
    return absent_members(planner, cohort, "recording")


def _gather(planner: Planner) -> list[Member]:
    """The recordings of the cohort, by group."""
    cohort = _cohort(planner.pipeline.workspace)
    if cohort is None:
        raise Unresolved(_unavailable(planner))
    return cohort_members(planner, cohort, "recording", Recording)


def _plots(made: DeconvolutionNetworks) -> dict[str, Any]:
    return {"learning_curves": plots.learning_curves(made.curves)}


@stage(
    group="signals",
    kinds=("torch",),
    partitioned=False,
    gather=_gather,
    uses=lambda _: Uses(("neuropipe.schemas.recording:Recording",)),  # what members are read as
    gathers=("recording",),
    unavailable=_unavailable,
    tools=("scipy", "torch", "oasis-deconv", "scikit-learn"),
    slow=True,
    isolated=True,
    checks={"left_out": "No network has seen a session of the group that it leaves out."},
    plots=_plots,
)
def deconvolution_networks(
    config: NetworksConfig, members: list[Member], progress: Path, log: Any
) -> DeconvolutionNetworks:
    """Networks that read spikes from dF/F, trained on recordings with true spikes.

    One folder per group that is left out, and one (none) for recordings of other origin, at several frame rates.
    """
    recordings = [
        trace for member in members for trace in ground_truth(member.read(), member.facts["group"], member.data_version)
    ]
    groups: dict[str, tuple[str, ...]] = {}
    for member in members:
        groups[member.facts["group"]] = (*groups.get(member.facts["group"], ()), member.data_version)
    return train_networks(config, groups, recordings, progress, log)


def ground_truth(recording: Recording, group: str, version: str) -> list:
    """Each ROI of a recording, over the frames in which it was recorded, with its true spikes."""
    from neuropipe.calcium.learned_training import GroundTruth

    if "spike_times" not in recording.truth:
        raise BadInput(f"a recording of {group} has no true spikes to learn from: take it out of the cohort")
    dff, frame_times = recording.dff[:], recording.frame_times[:]
    times, offsets = recording.truth["spike_times"][:], recording.truth["spike_offsets"][:]
    frame_rate = frame_rate_of(frame_times)
    found = []
    for frames, columns in recorded_spans(dff):
        for roi in columns:
            whole = fill_gaps(dff[frames, [roi]].astype(np.float64), frame_rate, LONGEST_GAP, first_roi=roi)
            spikes = times[offsets[roi] : offsets[roi + 1]]
            ends = np.array([0, len(spikes)])
            found.append(GroundTruth(whole, frame_times[frames], spikes, ends, group, version))
    return found


def train_networks(
    config: NetworksConfig, groups: Mapping[str, tuple[str, ...]], recordings: list, progress: Path, log: Any
) -> DeconvolutionNetworks:
    """Networks of every kind: <left out>/<rate>hz/network-<seed>.safetensors, their curves, and who saw what."""
    from neuropipe.calcium.learned_network import read_network
    from neuropipe.calcium.learned_training import STEPS_BETWEEN_LOSSES, Target, train

    kinds = [(group, max(config.rates)) for group in groups] + [(NOTHING, rate) for rate in config.rates]
    seeds = range(config.seed, config.seed + config.n_networks)
    facts, files = [], {}
    for at, (left_out, rate) in enumerate(kinds):
        named = f"{left_out} left out, {rate:g} Hz"
        log.info(f"{named}: {config.n_networks} networks ({at + 1} of {len(kinds)} kinds)")
        own = [recording for recording in recordings if recording.dataset == left_out]
        target = Target.of(own, rate) if own else Target(_noise_levels(config.noise, rate))
        folder = train(
            [recording for recording in recordings if recording.dataset != left_out],
            progress / left_out / f"{rate:g}hz",
            rate=rate,
            target=target,
            seeds=seeds,
            channels=config.channels,
            n_steps=config.n_steps,
            follow=functools.partial(_tell, log, named, config.n_steps),
        )
        for seed in seeds:
            file = folder / f"network-{seed}.safetensors"
            files[f"{left_out}/{rate:g}hz/{file.name}"] = file
            facts.append({"left_out": left_out, **read_network(file)[1]})
    seen = [each["left_out"] for each in facts if set(groups.get(each["left_out"], ())) & set(each["sessions"])]
    curves = pd.concat(
        [pd.DataFrame({**{name: each[name] for name in CURVE}, "loss": each["losses"]}) for each in facts],
        ignore_index=True,
    )
    curves["step"] = (curves.groupby(list(CURVE)).cumcount() + 1) * STEPS_BETWEEN_LOSSES
    last = curves.groupby(["left_out", "rate"])["loss"].agg(lambda losses: losses.iloc[-1])
    return DeconvolutionNetworks(
        groups=dict(groups),
        files=files,
        curves=curves,
        facts={
            "networks": len(facts),
            "sessions": sum(map(len, groups.values())),
            "left out": [*groups, NOTHING],
            "rates": list(config.rates),
            "loss at the end": {f"{left_out}, {rate:g} Hz": round(loss, 5) for (left_out, rate), loss in last.items()},
        },
        checks={"left_out": Check(not seen, f"{', '.join(seen)} was seen" if seen else "")},
    )


def _noise_levels(noise: tuple[float, float], rate: float) -> np.ndarray:
    """SDs of the noise at `rate` Hz, evenly spaced in their logarithm, of standardized noise from one to the other."""
    return np.geomspace(*noise, N_NOISE_LEVELS) / 100 * np.sqrt(rate) / STEP_OF_NOISE


def _tell(log: Any, named: str, n_steps: int, seed: int, step: int, loss: float) -> None:
    if step % STEPS_BETWEEN_LINES == 0 or step == n_steps:
        log.info(f"{named}, network {seed}: step {step} of {n_steps}, loss {loss:.4f}")


_PLUGIN = calcium.available()[METHOD]
LearnedConfig = events_config(_PLUGIN, left_out=(str, NOTHING))


def _left_out(session: Session, workspace: Workspace, *, fetch: bool) -> dict[str, str]:
    """Which group the networks of a session must not have seen: its own."""
    cohort = _cohort(workspace)
    return {"left_out": cohort.group_of(session.key) if cohort is not None else NOTHING}


@stage(
    name=f"events/{METHOD}",
    group="signals",
    kinds=("zarr", "torch"),
    description=f"{_PLUGIN.summary}\n\nEvents (time, roi) found in dF/F, in {_PLUGIN.facts['units']}, and their "
    f"uncertainty. Of the `{NETWORKS}`, those that never saw the session's group.",
    config=LearnedConfig,
    settings_of_session=_left_out,
    applies_to=has_fluorescence,
    uses=lambda _: plugins.uses(_PLUGIN, facts=("units",)),
    tools=("scipy", "numba"),
    slow=True,
    checks={"events_finite": FINITE, "never_seen": "No network was trained on a session of the same group."},
    plots=plot_events,
)
def learned_events(
    config: StageConfig,
    recording: Recording,
    fluorescence: Fluorescence | None,
    deconvolution_networks: DeconvolutionNetworks,
    scratch: Path,
) -> Events:
    from dataclasses import replace

    from neuropipe.calcium.learned import Learned

    source = dff_of(recording, fluorescence)
    frame_rate = frame_rate_of(source.frame_times[:])
    folder = networks_for(deconvolution_networks, config.left_out, frame_rate)
    make = functools.partial(Learned, folder=str(folder))
    own = set(deconvolution_networks.groups.get(config.left_out, ()))
    seen = own & make().sessions
    events = find_events(make, METHOD, _PLUGIN.facts["units"], config.longest_gap, source, scratch)
    check = Check(not seen, f"{config.left_out}: trained on {len(seen)} of its recordings" * bool(seen))
    facts = {"left out": config.left_out, "networks work at (Hz)": float(folder.name[:-2])}
    return replace(events, checks={**events.checks, "never_seen": check}, facts={**events.facts, **facts})


def networks_for(networks: DeconvolutionNetworks, left_out: str, frame_rate: float) -> Path:
    """The folder of those that left a group out, at the highest rate that a session's frames allow."""
    folders = {float(path.name[:-2]): path for path in (networks.folder / left_out).iterdir()}
    slow_enough = [rate for rate in folders if rate <= frame_rate / 0.99]
    if not slow_enough:
        raise BadInput(
            f"the recording has {frame_rate:.3g} frames a second, and the networks work at {min(folders):g} or more: "
            f"train some with --set '{NETWORKS}.rates=[25, 10, {np.floor(10 * frame_rate / 0.99) / 10:g}]'"
        )
    return folders[max(slow_enough)]


STAGES = [deconvolution_networks, learned_events]
