"""deconvolution_networks: networks trained on recordings with true spikes; events/learned: what they find elsewhere.

For each data set of the cohort there are networks that never saw it, matched to its noise and traits; a session of that
data set is deconvolved by those. All other sessions are deconvolved by networks that saw every data set.
"""

import functools
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import Field, PositiveFloat, create_model

from assets.stages.applies_fluorescence import without_fluorescence
from assets.stages.signals.deconvolution import dff_of, find_events, scores_stage
from neuropipe import calcium
from neuropipe.calcium.preprocessing import fill_gaps, frame_rate_of
from neuropipe.calcium.recorded import recorded_spans
from neuropipe.catalog import Session
from neuropipe.catalog.cohorts import NOTHING, Cohort, load_cohort
from neuropipe.errors import BadInput
from neuropipe.plots import deconvolution_networks as figures_networks
from resources.store.artifact import Artifact, Draft
from resources.store.members import absent_members, artifacts_of_members, versions_of_members
from resources.store.plan import Planner
from resources.store.stage import Stage, StageConfig, Unresolved, memoized
from resources.workspace import Workspace

NETWORKS = "deconvolution_networks"
METHOD = "learned"
LONGEST_GAP = 1.0  # s of NaN in a recording to learn from
STEPS_BETWEEN_LINES = 500
N_NOISE_LEVELS = 64
STEP_OF_NOISE = 0.954  # median |x - y| of two normals of SD 1
CURVE = ("left_out", "rate", "seed")


class NetworksConfig(StageConfig):
    """rates : Hz at which networks work; those that leave a data set out work at the highest.

    noise : from and to, %/sqrt(Hz), of the traces that networks for any recording are trained for; n_networks : of each
    kind, whose disagreement is the uncertainty; n_steps, channels : of each network
    """

    rates: tuple[PositiveFloat, ...] = Field((25.0, 10.0), min_length=1)
    noise: tuple[PositiveFloat, PositiveFloat] = (0.3, 8.0)
    n_networks: int = Field(3, ge=2)
    n_steps: int = Field(1000, ge=50)
    channels: int = Field(16, ge=1)
    seed: int = Field(0, ge=0)


def learned_stages(workspace: Workspace) -> list[Stage]:
    """The networks, the events that they find and the scores of those; the catalogue names whom they learn from."""
    cohort = load_cohort(workspace.catalog_root, NETWORKS, workspace.catalog.sessions)
    events = _events_stage()
    return [_networks_stage(cohort), events, scores_stage(events)]


def _networks_stage(cohort: Cohort | None) -> Stage:
    @memoized(
        group="calcium",
        kinds=("torch",),
        config=NetworksConfig,
        partitioned=False,
        gathers=("recording",),
        lacks=functools.partial(_lacks, cohort),
        source=functools.partial(_source, cohort),
        tools=("numpy", "scipy", "torch", "oasis-deconv", "scikit-learn"),
        slow=True,
        isolated=True,
        checks={"left_out": "No network has seen a session of the data set that it leaves out."},
    )
    def deconvolution_networks(
        draft: Draft, config: NetworksConfig, planner: Planner, progress: Path, log: Any
    ) -> None:
        """Networks that read spikes from dF/F, trained on recordings with true spikes.

        One folder for each data set left out, and one (none) for recordings of other origin, at several frame rates.
        """
        recordings = [
            recording
            for key, artifact in artifacts_of_members(planner, cohort, "recording").items()
            for recording in ground_truth(artifact, cohort.group_of(key), key)
        ]
        train_networks(draft, config, cohort, recordings, progress, log)

    return deconvolution_networks


def _lacks(cohort: Cohort | None, planner: Planner) -> str | None:
    if cohort is None:
        return f"the catalogue names no sessions to learn from (cohorts/{NETWORKS}.yaml)"
    return absent_members(planner, cohort, "recording")


def _source(cohort: Cohort, planner: Planner, _: None, *, fetch: bool) -> dict[str, Any]:
    if lacking := _lacks(cohort, planner):
        raise BadInput(f"{NETWORKS}: {lacking}") if fetch else Unresolved(lacking)
    return versions_of_members(planner, cohort, "recording")


def ground_truth(recording: Artifact, dataset: str, session: str) -> list:
    """Each ROI of a recording, over the frames in which it was recorded, with its true spikes."""
    from neuropipe.calcium.learned_training import GroundTruth

    arrays = recording.arrays
    dff, frame_times = arrays["dff"][:], arrays["frame_times"][:]
    if "truth/spike_times" not in arrays:
        raise BadInput(f"{session} has no true spikes to learn from: take it out of cohorts/{NETWORKS}.yaml")
    times, offsets = arrays["truth/spike_times"][:], arrays["truth/spike_offsets"][:]
    frame_rate = frame_rate_of(frame_times)
    found = []
    for frames, columns in recorded_spans(dff):
        for roi in columns:
            whole = fill_gaps(dff[frames, [roi]].astype(np.float64), frame_rate, LONGEST_GAP, first_roi=roi)
            spikes = times[offsets[roi] : offsets[roi + 1]]
            ends = np.array([0, len(spikes)])
            found.append(GroundTruth(whole, frame_times[frames], spikes, ends, dataset, session))
    return found


def train_networks(
    draft: Draft, config: NetworksConfig, cohort: Cohort, recordings: list, progress: Path, log: Any
) -> None:
    """networks/<left out>/<rate>hz/network-<seed>.safetensors, learning curves, and who was left out of which."""
    from neuropipe.calcium.learned_network import read_network
    from neuropipe.calcium.learned_training import STEPS_BETWEEN_LOSSES, Target, train

    kinds = [(group, max(config.rates)) for group in cohort.groups] + [(NOTHING, rate) for rate in config.rates]
    seeds = range(config.seed, config.seed + config.n_networks)
    facts = []
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
        into = draft.folder(f"networks/{left_out}/{rate:g}hz")
        for seed in seeds:
            shutil.copy(folder / f"network-{seed}.safetensors", into)
            facts.append({"left_out": left_out, **read_network(into / f"network-{seed}.safetensors")[1]})
    seen = [each["left_out"] for each in facts if _own(cohort, each["left_out"]) & set(each["sessions"])]
    draft.check("left_out", not seen, description=f"{', '.join(seen)} was seen" if seen else "", networks=len(facts))
    draft.json("cohort", {group: list(keys) for group, keys in cohort.groups.items()})
    curves = pd.concat(
        [pd.DataFrame({**{name: each[name] for name in CURVE}, "loss": each["losses"]}) for each in facts],
        ignore_index=True,
    )
    curves["step"] = (curves.groupby(list(CURVE)).cumcount() + 1) * STEPS_BETWEEN_LOSSES
    curves.to_parquet(draft.extras / "learning_curves.parquet", index=False)
    draft.figure("learning_curves", figures_networks.learning_curves(curves))
    last = curves.groupby(["left_out", "rate"])["loss"].agg(lambda losses: losses.iloc[-1])
    draft.metadata |= {
        "networks": len(facts),
        "sessions": len(cohort.sessions),
        "left out": [*cohort.groups, NOTHING],
        "rates": list(config.rates),
        "loss at the end": {f"{left_out}, {rate:g} Hz": round(loss, 5) for (left_out, rate), loss in last.items()},
    }


def _own(cohort: Cohort, left_out: str) -> set[str]:
    return set(cohort.groups.get(left_out, ()))


def _noise_levels(noise: tuple[float, float], rate: float) -> np.ndarray:
    """SDs of the noise at `rate` Hz, evenly spaced in their logarithm, of standardized noise from one to the other."""
    return np.geomspace(*noise, N_NOISE_LEVELS) / 100 * np.sqrt(rate) / STEP_OF_NOISE


def _tell(log: Any, named: str, n_steps: int, seed: int, step: int, loss: float) -> None:
    if step % STEPS_BETWEEN_LINES == 0 or step == n_steps:
        log.info(f"{named}, network {seed}: step {step} of {n_steps}, loss {loss:.4f}")


def _events_stage() -> Stage:
    plugin = calcium.available()[METHOD]

    @memoized(
        name=f"events/{METHOD}",
        group="calcium",
        kinds=("zarr", "torch"),
        description=f"{plugin.summary}\n\nEvents (time, roi) found in dF/F, in {plugin.facts['units']}, and their "
        f"uncertainty. Of the `{NETWORKS}`, those that never saw the session's data set.",
        config=create_model("LearnedEvents", __base__=StageConfig, longest_gap=(float, 1.0)),
        applies_to=without_fluorescence,
        plugins=functools.partial(_module, plugin.module),
        tools=("numpy", "scipy", *plugin.facts["tools"]),
        slow=True,
        checks={
            "events_finite": "Events are finite numbers, none below 0, wherever dF/F was recorded.",
            "never_seen": "No network was trained on a session of the same data set.",
        },
    )
    def events(
        draft: Draft,
        session: Session,
        config: StageConfig,
        recording: Artifact,
        fluorescence: Artifact | None,
        deconvolution_networks: Artifact,
    ) -> None:
        traces = dff_of(recording, fluorescence)
        frame_rate = frame_rate_of(traces.arrays["frame_times"][:])
        folder = networks_for(deconvolution_networks, session.key, frame_rate)
        refuse_those_that_saw(draft, deconvolution_networks, folder, session.key)
        find_events(draft, session, plugin, {"folder": str(folder), **config.model_dump()}, traces)
        draft.metadata |= {"left out": folder.parent.name, "networks work at (Hz)": float(folder.name[:-2])}

    return events


def _module(module: str, _: Any) -> tuple[str, ...]:
    return (module,)


def networks_for(networks: Artifact, key: str, frame_rate: float) -> Path:
    """The folder of those that left out the data set of a session, at the highest rate that its frames allow."""
    cohort = networks.json("cohort")
    left_out = next((group for group, keys in cohort.items() if key in keys), NOTHING)
    folders = {float(path.name[:-2]): path for path in networks.folder(f"networks/{left_out}").iterdir()}
    slow_enough = [rate for rate in folders if rate <= frame_rate / 0.99]
    if not slow_enough:
        raise BadInput(
            f"{key} has {frame_rate:.3g} frames a second, and the networks work at {min(folders):g} or more: train "
            f"some with --set '{NETWORKS}.rates=[25, 10, {np.floor(10 * frame_rate / 0.99) / 10:g}]'"
        )
    return folders[max(slow_enough)]


def refuse_those_that_saw(draft: Draft, networks: Artifact, folder: Path, key: str) -> None:
    """Look into the networks themselves for the sessions that they were trained on."""
    from neuropipe.calcium.learned import Learned

    kin = next((set(keys) for keys in networks.json("cohort").values() if key in keys), {key})
    seen = sorted(kin & Learned(folder=str(folder)).sessions)
    draft.check(
        "never_seen", not seen, description=f"{folder.parent.name}: trained on {', '.join(seen[:3])}" * bool(seen)
    )
