"""Sessions of the International Brain Laboratory's public server, by their ONE addresses, without its software.

The rules, and where they are written:
- A session has an id (`eid`) and a path `lab/Subjects/subject/date/number`, the number with three digits
  (https://github.com/int-brain-lab/ONE, one/converters.py, `record2url`).
- Tables of all sessions and data sets lie in the public bucket at caches/openalyx/cache.zip, as sessions.pqt (id, lab,
  subject, date, number) and datasets.pqt (eid, id, rel_path, file_size, exists, default_revision)
  (ONE, one/alf/cache.py; https://github.com/int-brain-lab/iblscripts, analysis_crons/s3_logs).
- Files lie in the bucket below data/ (https://github.com/int-brain-lab/iblalyx, releases/03_copy_data.sh), under the
  session's path, with their own id before the extension (ONE, one/alf/path.py, `add_uuid_string`).
- The bucket is ibl-brain-wide-map-public, and needs no password (ONE, one/remote/aws.py).
"""

import re
import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from neuropipe.errors import BadInput
from neuropipe.readers.alf_layout import files_to_read
from resources.fetch.downloads import RawFiles
from resources.fetch.file_spec import FileSpec
from resources.fetch.transfer import Progress

SCHEME = "one:"
BUCKET = "https://ibl-brain-wide-map-public.s3.amazonaws.com"
TABLES = f"{BUCKET}/caches/openalyx/cache.zip"
DATA = f"{BUCKET}/data"
EID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
PATH = re.compile(r"(?:(?P<lab>\w+)/Subjects/)?(?P<subject>[\w.-]+)/(?P<date>\d{4}-\d{2}-\d{2})/(?P<number>\d{1,3})")
LARGEST_TABLE = 4 << 30  # bytes
SESSIONS = ("id", "lab", "subject", "date", "number")
MAY_LACK = ("file_size", "exists", "default_revision")
DATASETS = ("eid", "id", "rel_path", "file_size", "exists", "default_revision")


@dataclass(frozen=True)
class PublicSession:
    """A session on the server. eid : its id; path : lab/Subjects/subject/date/number; files : name for the reader of
    ALF -> {url, bytes}"""

    eid: str
    path: str
    files: Mapping[str, Mapping[str, Any]]

    @property
    def name(self) -> str:
        """subject-date-number"""
        *_, subject, date, number = self.path.split("/")
        return re.sub(r"[^a-z0-9._-]+", "-", f"{subject}-{date}-{number}".lower())


def resolve(address: str, raw: RawFiles, progress: Progress | None = None) -> PublicSession:
    """The session of `one:EID` or `one:LAB/Subjects/SUBJECT/DATE/NUMBER`, with the addresses of its files.

    The tables are downloaded each time, so that the revisions are today's. BadInput where there is no such session,
    or nothing of it that can be read.
    """
    wanted = address.removeprefix(SCHEME).strip("/")
    by_path = PATH.fullmatch(wanted)
    if not EID.fullmatch(wanted) and by_path is None:
        raise BadInput(
            f"{address} is no address of a session; write one:EID, 32 digits in five groups, or "
            "one:LAB/Subjects/SUBJECT/DATE/NUMBER"
        )
    archive = raw.fetch(FileSpec(name="cache.zip", url=TABLES), progress)
    with tempfile.TemporaryDirectory(prefix="one-") as folder:
        tables = _unpacked(archive, Path(folder))
        found = _session(address, wanted, by_path, tables["sessions.pqt"])
        datasets = _table(tables["datasets.pqt"], DATASETS, [("eid", "==", found["id"])])
    path = "{lab}/Subjects/{subject}/{date}/{number:03d}".format(**found)
    if not PATH.fullmatch(path) or ".." in path.split("/"):
        raise BadInput(f"{address} has the path {path} in the public tables, which is none; choose another session")
    files = _files(datasets, path)
    if not any(name.endswith("spikes.times.npy") for name in files):
        raise BadInput(f"{address} ({path}) has no sorted spikes on the public server; choose a session that has")
    return PublicSession(found["id"], path, files)


def _session(address: str, wanted: str, by_path: re.Match | None, table: Path) -> dict[str, Any]:
    if by_path is None:
        rows = _table(table, SESSIONS, [("id", "==", wanted)])
    else:
        rows = _table(table, SESSIONS, [("subject", "==", by_path["subject"])])
        same = (rows["date"].astype(str).str[:10] == by_path["date"]) & (
            rows["number"].astype(int) == int(by_path["number"])
        )
        if by_path["lab"]:
            same &= rows["lab"] == by_path["lab"]
        if len(rows) and not same.any():
            others = ", ".join(f"{row.date}/{int(row.number):03d}" for row in rows.head(5).itertuples())
            raise BadInput(f"{address}: {by_path['subject']} has no such public session; it has {others}")
        rows = rows[same]
    if len(rows) != 1:
        count = "no" if len(rows) == 0 else f"{len(rows)}"
        raise BadInput(f"{address}: the public tables have {count} session of this address; copy it from the database")
    row = rows.iloc[0]
    number = float(row["number"])
    found = {"id": str(row["id"]), "date": str(row["date"])[:10], "number": int(number) if 0 <= number < 1000 else -1}
    return found | {"lab": str(row["lab"]), "subject": str(row["subject"])}


def _files(datasets: Any, path: str) -> dict[str, dict[str, Any]]:
    """Name -> {url, bytes} of what is read: of every file the default revision, where the table says it."""
    rows = datasets[datasets["exists"].astype(bool)] if "exists" in datasets else datasets
    if "default_revision" in rows:
        flags = rows["default_revision"]
        if flags.dtype.kind == "b" and flags.any():
            rows = rows[flags]
    by_place = {str(row["rel_path"]): row for row in rows.to_dict("records")}
    found = {}
    for name, place in files_to_read(by_place).items():
        stem, _, ending = place.rpartition(".")
        row = by_place[place]
        if not EID.fullmatch(str(row["id"])) or not set(place.split("/")).isdisjoint(("", ".", "..")):
            raise BadInput(f"the public tables name a file {place} with the id {row['id']}, which is none; try again")
        address = quote(f"{path}/{stem}.{row['id']}.{ending}")
        entry: dict[str, Any] = {"url": f"{DATA}/{address}"}
        size = row.get("file_size")
        if isinstance(size, int | float) and 0 < size < float("inf"):
            entry["bytes"] = int(size)
        found[name] = entry
    return found


def _unpacked(archive: Path, folder: Path) -> dict[str, Path]:
    found = {}
    try:
        with zipfile.ZipFile(archive) as packed:
            for name in ("sessions.pqt", "datasets.pqt"):
                if packed.getinfo(name).file_size > LARGEST_TABLE:
                    raise BadInput(f"{name} of {TABLES} says that it has more than {LARGEST_TABLE:,} bytes; not opened")
                with packed.open(name) as source, (folder / name).open("wb") as target:
                    shutil.copyfileobj(source, target)
                found[name] = folder / name
    except BadInput:
        raise
    except Exception as error:  # zipfile and zlib raise many kinds of errors for damaged archives
        raise BadInput(f"{TABLES} can't be read as the archive of ONE's tables ({error}); try again") from error
    return found


def _table(path: Path, columns: tuple[str, ...], filters: list) -> Any:
    """The rows that pass the filters, with those of `columns` that the table has."""
    import pyarrow
    import pyarrow.parquet

    try:
        known = pyarrow.parquet.read_schema(path).names
        missing = [name for name in columns if name not in known and name not in MAY_LACK]
        if missing:
            raise BadInput(f"{path.name} of {TABLES} has no column {missing[0]}; it has {', '.join(known)}")
        held = [name for name in columns if name in known]
        return pyarrow.parquet.read_table(path, columns=held, filters=filters).to_pandas(ignore_metadata=True)
    except (pyarrow.ArrowException, OSError) as error:
        raise BadInput(f"{path.name} of {TABLES} can't be read as Parquet ({error}); try again") from error
