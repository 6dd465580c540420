"""Public sessions of the International Brain Laboratory: addresses resolved by the tables of a server, then run."""

import io
import zipfile

import pandas as pd
import pytest
import yaml

from resources.fetch.one_addresses import DATA, TABLES
from tests.cli.command import ask, counts, get, show
from tests.cli.recording_folders import TASK, decisions, ibl
from tests.installation import Place, make_place

EID, OTHER = "ae8787b1-4229-4d56-b0c2-566b61a25b77", "024113d9-245e-4b67-afdb-9a7213d94446"
PATH = "steinmetzlab/Subjects/NR_0027/2022-08-23/001"
STIMULUS = tuple("stimOn" if word == "stimulus" else word for word in TASK)
SESSIONS = {
    "id": [EID, OTHER],
    "lab": ["steinmetzlab", "cortexlab"],
    "subject": ["NR_0027", "KS023"],
    "date": [pd.Timestamp("2022-08-23").date(), pd.Timestamp("2019-12-10").date()],
    "number": [1, 2],
}


def did(at: int) -> str:
    return f"{at:08x}-29f1-4f5a-9f35-c5bd1b0bbc51"


def tables(sessions: pd.DataFrame, datasets: pd.DataFrame) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, table in (
            ("sessions.pqt", sessions.set_index("id")),
            ("datasets.pqt", datasets.set_index(["eid", "id"])),
        ):
            held = io.BytesIO()
            table.to_parquet(held)
            archive.writestr(name, held.getvalue())
    return packed.getvalue()


@pytest.fixture(scope="module")
def published(tmp_path_factory) -> dict[str, bytes]:
    """URL -> content of a server with one session that has spikes, and one that has none."""
    folder = ibl(tmp_path_factory.mktemp("one") / "001", decisions())
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    rows, contents = [], {}
    for at, path in enumerate(files):
        place = path.relative_to(folder).as_posix()
        stem, _, ending = place.rpartition(".")
        older = place.startswith("alf/probe00/pykilosort/spikes")
        rows.append(
            {"eid": EID, "id": did(at), "rel_path": place, "file_size": path.stat().st_size, "exists": True,
             "default_revision": not older}
        )  # fmt: skip
        contents[f"{DATA}/{PATH}/{stem}.{did(at)}.{ending}".replace("#", "%23")] = path.read_bytes()
    video = {"eid": OTHER, "id": did(999), "rel_path": "raw_video_data/_iblrig_leftCamera.raw.mp4", "exists": True}
    rows.append(video | {"file_size": 10**9, "default_revision": True})
    datasets = pd.DataFrame(rows).astype({"file_size": "UInt64"})
    return contents | {TABLES: tables(pd.DataFrame(SESSIONS), datasets)}


@pytest.fixture
def online(published, server, monkeypatch, tmp_path) -> Place:
    """An installation that reads the server in place of the internet."""
    server.files |= {"/" + url.removeprefix("https://"): content for url, content in published.items()}
    monkeypatch.setenv("NEUROPIPE_MIRROR", server.url("").rstrip("/"))
    return make_place(tmp_path / "place")


def entry(place: Place) -> dict:
    return yaml.safe_load((place.root / "catalog" / "local.yaml").read_text())["ibl"]


def refused(place: Place, address: str) -> str:
    answer = ask(place, "add", address, "--dataset", "ibl", *STIMULUS)
    assert answer.code == 2, answer
    assert not (place.root / "catalog" / "local.yaml").exists()
    (line,) = answer.err.splitlines()
    return line


def test_a_public_session_is_added_by_its_id_and_decoded(online, server):
    (row,) = get(online, "add", f"one:{EID}", "--dataset", "ibl", *STIMULUS)
    assert row == {
        "session": "ibl.nr_0027-2022-08-23-001", "file": f"one:{EID}", "reader": "alf", "modality": "spikes"
    }  # fmt: skip
    session = entry(online)["sessions"]["nr_0027-2022-08-23-001"]
    spikes = session["files"]["probe00.spikes.times.npy"]["url"]
    assert spikes.startswith(f"{DATA}/{PATH}/alf/probe00/pykilosort/%232024-05-06%23/spikes.times.")
    assert session["files"]["probe00.spikes.times.npy"]["bytes"] > 0
    assert EID in session["note"]
    asked = {request.path for request in server.requests}
    assert asked == {"/" + TABLES.removeprefix("https://")}, "nothing but the tables is downloaded before it is run"
    summary = get(online, "run", "evaluation/decoder/rate_logistic", "--session", row["session"])
    assert counts(summary)[2] == 0, summary
    assert show(online, "binned", "--session", row["session"])["units"] == 16
    assert get(online, "leaderboard", "--session", row["session"])[0]["score"] > 0.6


@pytest.mark.parametrize("path", [PATH, "NR_0027/2022-08-23/001", "NR_0027/2022-08-23/1"])
def test_a_path_names_the_same_session(online, path):
    get(online, "add", f"one:{path}", "--dataset", "ibl")
    assert f"one:{EID}" in entry(online)["sessions"]["nr_0027-2022-08-23-001"]["note"]


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        (f"one:{EID[:-1]}", "is no address of a session; write one:EID"),
        ("one:../../etc/passwd", "is no address of a session"),
        (f"one:{EID[:-1]}0", "the public tables have no session of this address"),
        ("one:NR_0027/2022-08-24/001", "NR_0027 has no such public session; it has 2022-08-23/001"),
        ("one:nobody/2022-08-23/001", "the public tables have no session of this address"),
        ("one:otherlab/Subjects/NR_0027/2022-08-23/001", "NR_0027 has no such public session"),
        (f"one:{OTHER}", "has no sorted spikes on the public server"),
    ],
)
def test_a_wrong_address_is_told_in_one_sentence(online, address, sentence):
    assert sentence in refused(online, address)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"<html>log in</html>", "a web page, perhaps of a login"),
        (b"PK\x05\x06" + bytes(18), "can't be read as the archive of ONE's tables"),
        (
            tables(pd.DataFrame(SESSIONS), pd.DataFrame({"eid": [1], "id": [2]})).replace(b"PAR1", b"PAR2"),
            "can't be read",
        ),
    ],
)
def test_damaged_tables_are_named(online, server, content, sentence):
    server.files["/" + TABLES.removeprefix("https://")] = content
    assert sentence in refused(online, f"one:{EID}")


def test_tables_of_another_layout_are_named(online, server):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name in ("sessions.pqt", "datasets.pqt"):
            held = io.BytesIO()
            pd.DataFrame({"id_0": [1], "id_1": [2]}).to_parquet(held)  # ids as two integers, as in old tables
            archive.writestr(name, held.getvalue())
    server.files["/" + TABLES.removeprefix("https://")] = packed.getvalue()
    assert f"sessions.pqt of {TABLES} has no column id; it has id_0, id_1" in refused(online, f"one:{EID}")
