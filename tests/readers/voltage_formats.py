"""Small recordings of raw voltage in every format that is read, and what each reader is given."""

import gzip
import json
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

RATE, N_CHANNELS = 30000.0, 4
STEPS = np.random.default_rng(3).integers(-200, 200, (1280, N_CHANNELS)).astype("<i2")
PROBE = pd.DataFrame({"x": [0.0, 20.0, 0.0, 20.0], "y": [0.0, 0.0, 20.0, 20.0]})

Files = dict[str, Path]


def with_probe(files: Files, folder: Path, probe: pd.DataFrame = PROBE) -> Files:
    probe.to_csv(folder / "probe.csv", index=False)
    return files | {"probe.csv": folder / "probe.csv"}


def _written(folder: Path, name: str, content: bytes) -> Files:
    (folder / name).write_bytes(content)
    return {name: folder / name}


def binary_voltage(folder: Path) -> Files:
    return with_probe(_written(folder, "raw.dat", STEPS.tobytes()), folder)


def spikeglx(folder: Path) -> Files:
    """Four channels of a Neuropixels 1.0 probe and the synchronisation channel."""
    stem = "run_g0_t0.imec0.ap"
    saved = np.column_stack([STEPS, np.zeros(len(STEPS), "<i2")])
    table = "(0,384)" + "".join(f"({channel} 0 0 500 250 1)" for channel in range(384))
    meta = {
        "appVersion": "20190327",
        "fileName": f"D:/{stem}.bin",
        "fileCreateTime": "2024-01-01T00:00:00",
        "fileSizeBytes": saved.nbytes,
        "fileTimeSecs": len(STEPS) / RATE,
        "firstSample": 0,
        "imAiRangeMax": 0.6,
        "imAiRangeMin": -0.6,
        "imDatPrb_pn": "NP1000",
        "imDatPrb_sn": 1,
        "imDatPrb_type": 0,
        "imSampRate": int(RATE),
        "nSavedChans": N_CHANNELS + 1,
        "snsApLfSy": "4,0,1",
        "snsSaveChanSubset": "0:3,768",
        "typeThis": "imec",
        "~imroTbl": table,
        "~snsChanMap": "(384,384,1)"
        + "".join(f"(AP{channel};{channel}:{channel})" for channel in range(4))
        + "(SY0;768:384)",
    }
    text = "".join(f"{key}={value}\n" for key, value in meta.items())
    return _written(folder, f"{stem}.bin", saved.tobytes()) | _written(folder, f"{stem}.meta", text.encode())


def open_ephys(folder: Path) -> Files:
    channels = [
        {"channel_name": f"CH{at + 1}", "bit_volts": 0.195, "units": "uV", "description": "", "identifier": ""}
        for at in range(N_CHANNELS)
    ]
    stream = {
        "folder_name": "Acquisition_Board-100.Rhythm Data/",
        "sample_rate": RATE,
        "num_channels": N_CHANNELS,
        "stream_name": "Rhythm Data",
        "source_processor_name": "Acquisition Board",
        "source_processor_id": 100,
        "recorded_processor": "Record Node",
        "recorded_processor_id": 101,
        "channels": channels,
    }
    structure = {"GUI version": "0.6.0", "continuous": [stream], "events": [], "spikes": []}
    files = _written(folder, "structure.oebin", json.dumps(structure).encode())
    files |= _written(folder, "continuous.dat", STEPS.tobytes())
    np.save(folder / "sample_numbers.npy", np.arange(len(STEPS)))
    np.save(folder / "timestamps.npy", np.arange(len(STEPS)) / RATE)
    files |= {name: folder / name for name in ("sample_numbers.npy", "timestamps.npy")}
    return with_probe(files, folder)


def blackrock(folder: Path) -> Files:
    """A .ns5 file of specification 2.3: steps of 0.25 uV."""
    header_bytes = 314 + 66 * N_CHANNELS
    basic = struct.pack("<8sBBI16s256sII", b"NEURALCD", 2, 3, header_bytes, b"30 kS/s", b"", 1, 30000)
    basic += struct.pack("<8HI", 2024, 1, 1, 1, 0, 0, 0, 0, N_CHANNELS)
    for at in range(N_CHANNELS):
        scale = (-32764, 32764, -8191, 8191)
        basic += struct.pack("<2sH16sBB4h16sIIHIIH", b"CC", at + 1, f"chan{at + 1}".encode(), 1, at, *scale, b"uV",
                             300, 1, 1, 7500, 1, 1)  # fmt: skip
    return with_probe(
        _written(folder, "run.ns5", basic + struct.pack("<BII", 1, 0, len(STEPS)) + STEPS.tobytes()), folder
    )


def intan(folder: Path) -> Files:
    """A .rhd file of version 2.0 with one group of amplifier channels, 128 samples a block; steps of 0.195 uV."""

    def text(words: str) -> bytes:
        return struct.pack("<I", 2 * len(words)) + words.encode("utf-16-le")

    header = struct.pack("<IhhfhffffffhFF".replace("F", "f"), 0xC6912702, 2, 0, RATE, 0, *[1.0] * 6, 0, 1000.0, 1000.0)
    header += text("") * 3 + struct.pack("<hh", 0, 0) + text("")
    header += struct.pack("<h", 1) + text("Port A") + text("A") + struct.pack("<hhh", 1, N_CHANNELS, N_CHANNELS)
    for at in range(N_CHANNELS):
        header += text(f"A-{at:03}") * 2 + struct.pack("<hhhhhhhhhhff", at, at, 0, 1, at, 0, 0, 0, 0, 0, 0.0, 0.0)
    blocks = b""
    for first in range(0, len(STEPS), 128):
        blocks += np.arange(first, first + 128, dtype="<i4").tobytes()
        blocks += (STEPS[first : first + 128].astype(int) + 32768).astype("<u2").T.tobytes()
    return with_probe(_written(folder, "run.rhd", header + blocks), folder)


def nwb_voltage(folder: Path) -> Files:
    from datetime import UTC, datetime

    from pynwb import NWBHDF5IO, NWBFile
    from pynwb.ecephys import ElectricalSeries

    file = NWBFile("a test", "voltage", datetime(2024, 1, 1, tzinfo=UTC))
    group = file.create_electrode_group("probe", "a probe", "CA1", file.create_device("device"))
    file.add_electrode_column("rel_x", "um")
    file.add_electrode_column("rel_y", "um")
    for row in PROBE.itertuples():
        file.add_electrode(rel_x=row.x, rel_y=row.y, group=group, location="CA1")
    electrodes = file.create_electrode_table_region(list(range(N_CHANNELS)), "all")
    file.add_acquisition(
        ElectricalSeries(
            name="raw", data=STEPS, electrodes=electrodes, rate=RATE, starting_time=2.0, conversion=0.195e-6
        )
    )
    with NWBHDF5IO(folder / "run.nwb", "w") as io:
        io.write(file)
    return {"run.nwb": folder / "run.nwb"}


def locust_tetrode(folder: Path) -> Files:
    return {
        f"Locust_{at + 1}.dat.gz": _written(
            folder, f"Locust_{at + 1}.dat.gz", gzip.compress((STEPS[:, at] / 100).astype("<f8").tobytes())
        )[f"Locust_{at + 1}.dat.gz"]
        for at in range(N_CHANNELS)
    }


@dataclass(frozen=True)
class VoltageExample:
    """gain : uV per step that the reader must find; data : the file that holds the samples; addressed : it is sorted
    where it lies; rate, start : of the recording"""

    write: Callable[[Path], Files]
    data: str
    gain: float
    parameters: dict = field(default_factory=dict)
    addressed: bool = False
    rate: float = RATE
    start: float = 0.0
    scale: float = 1.0


_BINARY = {"sampling_rate": RATE, "n_channels": N_CHANNELS, "gain": 0.195}
VOLTAGE_EXAMPLES = {
    "binary_voltage": VoltageExample(binary_voltage, "raw.dat", 0.195, _BINARY, addressed=True),
    "spikeglx": VoltageExample(spikeglx, "run_g0_t0.imec0.ap.bin", 1.2 / 1024 / 500 * 1e6, addressed=True),
    "open_ephys": VoltageExample(open_ephys, "continuous.dat", 0.195, addressed=True),
    "blackrock": VoltageExample(blackrock, "run.ns5", 0.25),
    "intan": VoltageExample(intan, "run.rhd", 0.195),
    "nwb_voltage": VoltageExample(nwb_voltage, "run.nwb", 0.195, start=2.0),
    "locust_tetrode": VoltageExample(locust_tetrode, "Locust_1.dat.gz", 100.0, rate=15000.0, scale=0.01),
}
