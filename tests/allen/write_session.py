"""Writes a small Neuropixels session as the Allen Institute does, by its own writers. Runs in .venv-allen, on its own.

`python write_session.py session.nwb`: six units on two probes of which some fail a filter, four stimuli, three
intervals that are invalid. Beside it the rows of the warehouse about it, warehouse.json.
"""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pynwb
from allensdk.brain_observatory.behavior.data_objects.stimuli.presentations import Presentations
from allensdk.brain_observatory.ecephys._channel import Channel
from allensdk.brain_observatory.ecephys._channels import Channels
from allensdk.brain_observatory.ecephys._probe import Probe
from allensdk.brain_observatory.ecephys._unit import Unit
from allensdk.brain_observatory.ecephys._units import Units
from allensdk.brain_observatory.ecephys.probes import Probes
from allensdk.brain_observatory.ecephys.write_nwb.__main__ import (
    add_metadata_to_nwbfile,
    add_running_speed_to_nwbfile,
)
from allensdk.brain_observatory.nwb import add_invalid_times, add_stimulus_timestamps

SESSION = 900000001
AREAS = {101: "VISp", 102: "VISp", 103: "None", 201: "LGd", 202: "CA1", 203: "VISl"}
# unit: peak channel, quality, amplitude cutoff, presence ratio, ISI violations
UNITS = {
    11: (101, "good", 0.05, 0.99, 0.1),
    12: (101, "good", 0.10, 0.95, 0.5),  # on every limit: still good
    13: (102, "noise", 0.05, 0.99, 0.1),
    14: (103, "good", 0.05, 0.99, 0.1),  # outside the brain
    15: (102, "good", 0.20, 0.99, 0.1),  # cut off
    21: (202, "good", 0.01, 0.97, 0.0),
    22: (201, "good", 0.01, 0.99, 0.2),
    23: (203, "good", 0.01, 0.99, 0.2),  # its channel is no good
    24: (201, "good", 0.01, 0.90, 0.2),  # away too long
    25: (201, "good", 0.01, 0.99, 0.2),  # its amplitude cutoff becomes NaN, which the writers would leave out
    26: (202, "good", 0.01, 0.99, 0.9),  # too many spikes too close
}
VALID = {channel: channel != 203 for channel in AREAS}
PROBES = {1: "probeB", 2: "probeA"}  # by name in another order than by id
INVALID = [
    {"type": "EcephysSession", "id": SESSION, "label": "stimulus", "start_time": 28.1, "end_time": 28.3},
    {"type": "EcephysProbe", "id": 1, "label": "probeB", "start_time": 36.0, "end_time": 36.1},
    {"type": "EcephysSession", "id": SESSION, "label": "optotagging", "start_time": 40.0, "end_time": 60.0},
]


def presentations() -> pd.DataFrame:
    """Gratings from 5 s, 80 scenes in random order with a blank among them from 20 s (two blocks), grey between."""
    rng = np.random.default_rng(0)
    rows = [{"stimulus_name": "spontaneous", "start_time": 0.0, "stop_time": 5.0}]
    for at in range(12):
        blank = at == 4
        grating = {"orientation": 45.0 * (at % 4), "temporal_frequency": 2.0, "contrast": 0.8, "phase": "[0.0, 0.0]"}
        start = 5.0 + at
        rows.append(
            {"stimulus_name": "drifting_gratings", "start_time": start, "stop_time": start + 0.9, "stimulus_block": 0.0}
            | ({} if blank else grating)
        )
    frames = rng.permutation(np.repeat(np.arange(-1, 7), 10))
    for at, frame in enumerate(frames):
        start = 20.0 + 0.25 * at + (5.0 if at >= 40 else 0.0)
        rows.append(
            {"stimulus_name": "natural_scenes", "start_time": start, "stop_time": start + 0.25, "frame": float(frame)}
            | {"stimulus_block": 1.0 + (at >= 40)}
        )
    rows.append({"stimulus_name": "spontaneous", "start_time": 45.5, "stop_time": 60.0})
    table = pd.DataFrame(rows)
    return table.assign(stimulus_index=table.groupby("stimulus_name", sort=False).ngroup().astype(float))


def probes() -> Probes:
    rng = np.random.default_rng(1)
    made = []
    for probe, name in PROBES.items():
        channels = [
            Channel(
                id=channel,
                probe_id=probe,
                valid_data=VALID[channel],
                probe_channel_number=channel % 100,
                probe_vertical_position=20 * (channel % 100),
                probe_horizontal_position=43,
                structure_acronym=area,
                strip_structure_subregion=False,
            )
            for channel, area in AREAS.items()
            if channel // 100 == probe
        ]
        units = []
        for unit, (channel, quality, cutoff, presence, violations) in UNITS.items():
            if channel // 100 == probe:
                times = np.sort(rng.uniform(0.0, 60.0, rng.integers(200, 400)))
                units.append(
                    Unit(
                        id=unit,
                        peak_channel_id=channel,
                        local_index=unit % 10,
                        cluster_id=unit % 10,
                        quality=quality,
                        firing_rate=len(times) / 60.0,
                        isi_violations=violations,
                        presence_ratio=presence,
                        amplitude_cutoff=cutoff,
                        snr=float(rng.uniform(1, 5)),
                        waveform_duration=0.4,
                        mean_waveforms=np.zeros((3, 4)),
                        spike_amplitudes=np.ones(len(times)),
                        spike_times=times,
                    )
                )
        made.append(Probe(id=probe, name=name, channels=Channels(channels), units=Units(units)))
    return Probes(made)


def write(path: Path) -> None:
    started = datetime(2019, 1, 19, tzinfo=UTC)
    nwbfile = pynwb.NWBFile(
        session_description="Data and metadata for an Ecephys session",
        identifier=str(SESSION),
        session_id=str(SESSION),
        session_start_time=started,
        institution="Allen Institute",
    )
    facts = {"specimen_name": "made up", "age_in_days": 100.0, "full_genotype": "wt/wt", "strain": "none", "sex": "F"}
    facts |= {"stimulus_name": "brain_observatory_1.1", "donor_id": 1, "species": "Mus musculus"}
    add_metadata_to_nwbfile(nwbfile, facts)
    table = presentations()
    add_stimulus_timestamps(nwbfile, table["start_time"].to_numpy())
    Presentations(table, sort_columns=False).to_nwb(nwbfile=nwbfile)
    add_invalid_times(nwbfile, INVALID)
    probes().to_nwb(nwbfile)
    begins = np.arange(0.0, 60.0, 0.5)
    running = {"start_time": begins, "end_time": begins + 0.5, "velocity": np.sin(begins), "net_rotation": begins}
    add_running_speed_to_nwbfile(nwbfile, pd.DataFrame(running))
    with pynwb.NWBHDF5IO(str(path), mode="w") as file:
        file.write(nwbfile, cache_spec=True)
    with h5py.File(path, "r+") as file:
        file["units/amplitude_cutoff"][file["units/id"][:] == 25] = np.nan


def warehouse() -> dict:
    """What the warehouse's tables hold of this session, by the name of its model."""
    donor = {"age": {"days": 100.0}, "sex": "F", "full_genotype": "wt/wt"}
    session = {"id": SESSION, "stimulus_name": "brain_observatory_1.1", "specimen": {"donor": donor}}
    session |= {"fail_eye_tracking": True, "published_at": "2019-10-03T00:00:00Z", "specimen_id": 1}
    session |= {"well_known_files": [{"well_known_file_type": {"name": "EcephysNwb"}}], "isi_experiment_id": 1}
    return {
        "EcephysSession": [session | {"date_of_acquisition": "2019-01-19T00:00:00Z"}],
        "EcephysProbe": [
            {"id": probe, "ecephys_session_id": SESSION, "name": name, "phase": "3a", "sampling_rate": 30000.0}
            | {"lfp_sampling_rate": 2500.0, "use_lfp_data": False, "lfp_temporal_subsampling_factor": 2.0}
            | {"air_channel_index": 380, "surface_channel_index": 300}
            for probe, name in PROBES.items()
        ],
        "EcephysChannel": [
            {"id": channel, "ecephys_probe_id": channel // 100, "local_index": channel % 100}
            | {"probe_horizontal_position": 43, "probe_vertical_position": 20 * (channel % 100)}
            | {"anterior_posterior_ccf_coordinate": None, "dorsal_ventral_ccf_coordinate": None}
            | {"left_right_ccf_coordinate": None, "ecephys_structure_id": None if area == "None" else 1.0}
            | {"ecephys_structure_acronym": None if area == "None" else area}
            for channel, area in AREAS.items()
        ],
        "EcephysUnit": [
            {"id": unit, "ecephys_channel_id": channel, "quality": quality, "isi_violations": violations}
            | {"amplitude_cutoff": None if np.isnan(cutoff) else cutoff, "presence_ratio": presence}
            for unit, (channel, quality, cutoff, presence, violations) in UNITS.items()
        ],
    }


if __name__ == "__main__":
    target = Path(sys.argv[1])
    write(target)
    target.with_name("warehouse.json").write_text(json.dumps(warehouse()))
