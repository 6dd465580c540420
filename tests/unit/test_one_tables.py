"""Tables of the public server that are damaged or name files elsewhere: refused in one sentence."""

import types
import uuid
import zipfile

import numpy as np
import pandas as pd
import pytest

from neuropipe.errors import BadInput
from resources.fetch.one_addresses import resolve

EID = str(uuid.UUID(int=1))
SESSION = {"id": [EID], "lab": ["alab"], "subject": ["S_1"], "date": ["2024-01-01"], "number": [1]}
SPIKES = ["alf/probe00/spikes.clusters.npy", "alf/probe00/spikes.times.npy"]


def found(tmp_path, sessions=None, change=lambda content: content, **columns):
    """What is found in tables of one session and two files, some columns changed, the archive's bytes changed."""
    files = {"id": [str(uuid.UUID(int=2 + at)) for at in range(2)], "eid": EID, "rel_path": SPIKES, "file_size": 10}
    files |= {"exists": True, "default_revision": True} | columns
    archive = tmp_path / "cache.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, table in (("sessions", SESSION | (sessions or {})), ("datasets", files)):
            held = {key: values for key, values in table.items() if values is not None}
            pd.DataFrame(held).to_parquet(tmp_path / "table")
            packed.write(tmp_path / "table", f"{name}.pqt")
    archive.write_bytes(change(archive.read_bytes()))
    return resolve(f"one:{EID}", types.SimpleNamespace(fetch=lambda *_: archive)).files


@pytest.mark.parametrize(
    "sessions",
    [{"lab": ".."}, {"subject": ".."}, {"subject": "../../x"}, {"number": np.nan}, {"number": -1}, {"date": "today"}],
)
def test_sessions_of_no_path_are_refused(tmp_path, sessions):
    with pytest.raises(BadInput, match="which is none; choose another session"):
        found(tmp_path, sessions)


@pytest.mark.parametrize(
    "columns",
    [
        {"rel_path": ["../../../spikes.times.npy", "../../../spikes.clusters.npy"]},
        {"rel_path": ["/etc/spikes.times.npy", "/etc/spikes.clusters.npy"]},
        {"rel_path": [f"alf/../../{name}" for name in SPIKES]},
        {"id": ["../../x", "y?z"]},
    ],
)
def test_files_elsewhere_are_refused(tmp_path, columns):
    with pytest.raises(BadInput, match="the public tables name a file"):
        found(tmp_path, **columns)


@pytest.mark.parametrize("size", [-5, np.nan, np.inf, "x"])
def test_absurd_sizes_are_not_held_against_files(tmp_path, size):
    assert [list(entry) for entry in found(tmp_path, file_size=size).values()] == [["url"], ["url"]]


def test_missing_columns_are_named(tmp_path):
    for name in ("id", "rel_path"):
        with pytest.raises(BadInput, match=f"no column {name}; it has"):
            found(tmp_path, **{name: None})
    with pytest.raises(BadInput, match="no column lab; it has"):
        found(tmp_path, {"lab": None})
    assert len(found(tmp_path, file_size=None, exists=None, default_revision=None)) == 2


def turned(at: int, to: int):
    """Changes a byte of the first member's entry, in the directory and before the member."""

    def change(content: bytes) -> bytes:
        data = bytearray(content)
        data[at] = data[data.find(b"PK\x01\x02") + at + 2] = to
        return bytes(data)

    return change


@pytest.mark.parametrize(
    "change",
    [turned(6, 1), turned(8, 99), lambda data: data[:60] + b"\xff" * 10 + data[70:], lambda data: data[:99]],
    ids=["encrypted", "unknown packing", "damaged", "cut short"],
)
def test_damaged_archives_are_refused(tmp_path, change):
    with pytest.raises(BadInput, match="can't be read as the archive of ONE's tables"):
        found(tmp_path, change=change)
