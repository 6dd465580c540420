"""Which files of an ALF session are read, and under which names: of a folder, or of the tables of a public server.

Paths follow `(lab/Subjects/)subject/date/number/(collection/)(#revision#/)object.attribute(.extra).extension`
(https://github.com/int-brain-lab/ONE, one/alf/spec.py), or are flat, as Steinmetz et al. (2019) publish them.
"""

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

NAME = re.compile(
    r"^(?:(?P<probe>.+)\.)?(?:_[a-z]+_)?(?P<object>spikes|clusters|channels|trials)"
    r"\.(?P<property>[^.]+)\.(?P<kind>npy|tsv|csv|pqt)$"
)
# A file that was downloaded with its id has it before the extension (ONE, one/alf/path.py, `with_uuid`).
UUID = re.compile(r"\.[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?=\.[a-z]+$)")
REVISION = re.compile(r"^#(?P<name>[\w.-]+)#$")
PROBE = re.compile(r"^probe[\w-]*$")
SORTERS = ("iblsorter", "pykilosort")  # the order of brainbox.io.one.SpikeSortingLoader, then the shortest path
READ = {
    "spikes": {"times", "clusters"},
    "channels": {"brainLocation", "brainLocationIds_ccf_2017", "brainLocationAcronyms_ccf_2017"},
}
# What is large and has no number per cluster, and what repeats a time on the clock of an instrument.
LEFT_OUT = re.compile(r"^(waveforms.*|templateWaveforms|templateWaveformChans|.*_bpod)$")


def sessions_among(paths: Iterable[str], root: str = "") -> dict[str, list[str]]:
    """The folder of each ALF session -> its paths; a session is where spikes.times.npy lies.

    root : the last parts of the absolute path of the folder that `paths` are relative to, which may say that it is
        itself the folder `alf`, or a probe's, of one session
    """
    paths = list(paths)
    inside = any(part == "alf" or PROBE.match(part) for part in PurePosixPath(root).parts[-4:])
    starts = {"." if inside else _session_of(path) for path in paths if _plain_name(path).endswith("spikes.times.npy")}
    return {start: [path for path in paths if start == "." or path.startswith(f"{start}/")] for start in sorted(starts)}


def files_to_read(paths: Iterable[str], root: str = "") -> dict[str, str]:
    """Name for the reader -> path, of one session: the latest revision of each file, and one sorting per probe.

    root : as in `sessions_among`
    """
    candidates: dict[tuple[str, str], list[tuple[str, str, str]]] = {}
    for path in paths:
        match = NAME.match(_plain_name(path))
        if match is None or match["probe"] is not None or not _is_read(match["object"], match["property"]):
            continue
        probe, sorter, revision = _place(path, root)
        owner = "" if match["object"] == "trials" else probe
        candidates.setdefault((owner, match["object"]), []).append((sorter, revision, path))
    found: dict[str, str] = {}
    for (probe, _), each in candidates.items():
        # Clusters and channels are those of the sorting that the spikes are of, else what lies beside the probe; trials
        # those of the first task.
        of_spikes = _sorting({sorter for sorter, _, _ in candidates.get((probe, "spikes"), each)})
        here = [entry for entry in each if entry[0] == of_spikes] or each
        for _, _, path in sorted(here, key=lambda entry: (entry[1], entry[2])):  # the latest revision comes last
            name = _plain_name(path)
            found[f"{probe}.{name}" if probe else name] = path
    return found


def _is_read(kind: str, attribute: str) -> bool:
    return attribute in READ.get(kind, {attribute}) and not LEFT_OUT.match(attribute)


def _plain_name(path: str) -> str:
    return UUID.sub("", PurePosixPath(path).name)


def _session_of(path: str) -> str:
    """The folder of the session that a file of spikes lies in."""
    parts = list(PurePosixPath(path).parent.parts)
    if "alf" in parts:
        return "/".join(parts[: parts.index("alf")]) or "."
    while parts and (REVISION.match(parts[-1]) or parts[-1] in SORTERS or PROBE.match(parts[-1])):
        parts.pop()
    return "/".join(parts) or "."


def _place(path: str, root: str) -> tuple[str, str, str]:
    """(probe, folders of the sorter below it, revision) of a file; each may be empty. Without a probe, the folders are
    those of a task, of which a session may hold several."""
    parts = [*PurePosixPath(root).parts[-4:], *PurePosixPath(path).parent.parts]
    revision = "".join(match["name"] for part in parts if (match := REVISION.match(part)))
    plain = [part for part in parts if not REVISION.match(part)]
    if "alf" in plain:
        plain = plain[plain.index("alf") + 1 :]
    at = next((at for at, part in enumerate(plain) if PROBE.match(part)), None)
    if at is None:
        return "", "/".join(plain), revision
    return plain[at], "/".join(plain[at + 1 :]), revision


def _sorting(sorters: set[str]) -> str:
    return next((name for name in SORTERS if name in sorters), min(sorters, key=lambda name: (len(name), name)))
