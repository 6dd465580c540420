"""Reads sorted spikes in the files of Neuroscope and Klusters (Hazan et al. 2006), as in CRCNS hc-2, hc-3 and hc-11.

Of each group n of channels: `<session>.res.n`, the sample of every spike, and `<session>.clu.n`, first the number of
clusters and then the cluster of every spike (also `<session>.n.res` and `<session>.n.clu`). `<session>.xml` says the
sampling rate. Formats: neuroscope.sourceforge.net/UserManual/data-files.html and
klusters.sourceforge.net/UserManual/parameter_files.html.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from neuropipe.errors import BadInput
from neuropipe.readers.arrays import listed
from neuropipe.readers.responses import the_file
from neuropipe.recording import Recording, SpikeTrains, TimeSeries
from neuropipe.recording.signals import check_sampling_rate
from neuropipe.registry import reader

NAME = re.compile(r"(?P<session>.+)\.(?:(?P<kind>res|clu)\.(?P<group>\d+)|(?P<group2>\d+)\.(?P<kind2>res|clu))")
LARGEST_XML = 16 << 20  # bytes
RATE = re.compile(r"<acquisitionSystem>.*?<samplingRate>\s*([0-9.]+)\s*</samplingRate>.*?</acquisitionSystem>", re.S)
NO_POSITION = -1  # in .whl, of a light that was not seen


@reader("neuroscope")
def read(
    files: Mapping[str, Path],
    *,
    sampling_rate: float | None = None,
    left_out: tuple[int, ...] = (0, 1),
    position_rate: float = 39.0625,
) -> Recording:
    """Spike trains of the clusters of all groups of channels and, from a `.whl` file, the place of the animal.

    sampling_rate : Hz, where there is no .xml file; left_out : clusters that are no units: 0 holds artefacts, 1 what
    could not be sorted; position_rate : Hz, at which `.whl` was sampled
    units : group, cluster, spikes; behaviour : position (x, y of the first light; x_2, y_2 of a second one), in the
    unit of the file, NaN where a light was not seen. The clock begins with the recording.
    """
    groups = _groups(files)
    rate = _sampling_rate(files, sampling_rate)
    trains, rows = [], []
    for group, names in sorted(groups.items()):
        samples, clusters = (_numbers(files, names[kind]) for kind in ("res", "clu"))
        if len(clusters) != len(samples) + 1:
            raise BadInput(
                f"{names['clu']} has {len(clusters)} lines for {len(samples)} spikes of {names['res']}; expected the "
                "number of clusters and one line per spike"
            )
        if len(samples) and (samples.min() < 0 or np.any(np.diff(samples) < 0)):
            raise BadInput(f"{names['res']}: the samples of spikes must be 0 or more and ascend; sort the file again")
        for cluster in np.setdiff1d(clusters[1:], left_out).tolist():
            trains.append(samples[clusters[1:] == cluster] / rate)
            rows.append({"group": group, "cluster": cluster, "spikes": len(trains[-1])})
    if not trains:
        raise BadInput(f"{listed(files)} hold no cluster but {', '.join(map(str, left_out))}; nothing was sorted")
    return Recording(
        units=pd.DataFrame(rows), spikes=SpikeTrains.from_list(trains), behaviour=_position(files, position_rate)
    )


def _groups(files: Mapping[str, Path]) -> dict[int, dict[str, str]]:
    """group -> {"res": name, "clu": name}"""
    groups: dict[int, dict[str, str]] = {}
    sessions = set()
    for name in files:
        if found := NAME.fullmatch(name):
            part = found.groupdict()
            sessions.add(part["session"])
            groups.setdefault(int(part["group"] or part["group2"]), {})[part["kind"] or part["kind2"]] = name
        elif not name.endswith((".xml", ".whl")):
            raise BadInput(f"{name} is none of <session>.res.<group>, .clu.<group>, .xml and .whl; leave it out")
    if not groups:
        raise BadInput(
            f"there is no <session>.res.<group> and .clu.<group> among {listed(files)}; give both of a group"
        )
    if len(sessions) > 1:
        raise BadInput(f"the files are of several sessions, {listed(sessions)}; give those of one")
    for group, names in groups.items():
        if len(names) < 2:
            raise BadInput(f"group {group} has {listed(names.values())} alone; give its .res and its .clu file")
    return groups


def _sampling_rate(files: Mapping[str, Path], given: float | None) -> float:
    """Hz, as given, else as in the only .xml file. The text is searched, not parsed: no entity is ever expanded."""
    names = [name for name in files if name.endswith(".xml")]
    if given is not None or len(names) != 1:
        return check_sampling_rate(given)
    path = the_file(files, names[0])
    if path.stat().st_size > LARGEST_XML:
        raise BadInput(f"{names[0]} has {path.stat().st_size:,} bytes, too many for parameters; give `sampling_rate`")
    found = RATE.search(path.read_text(encoding="utf-8", errors="replace"))
    if found is None or found[1].count(".") > 1:
        raise BadInput(f"{names[0]} states no samplingRate of its acquisitionSystem; give `sampling_rate` in Hz")
    return check_sampling_rate(float(found[1]), names[0])


def _numbers(files: Mapping[str, Path], name: str) -> np.ndarray:
    """(line,) int64"""
    path = the_file(files, name)
    content = path.read_bytes()
    if content and not content.endswith((b"\n", b"\r")):
        raise BadInput(f"{name}: the last line is not ended, so it may be cut short; fetch it again")
    try:
        return np.array(content.split(), np.int64)
    except (ValueError, OverflowError) as error:
        raise BadInput(f"{name} must hold one whole number a line ({error}); fetch it again") from error


def _position(files: Mapping[str, Path], rate: float) -> dict[str, TimeSeries]:
    """The place of the animal, where there is a .whl file: x and y of one light or of two, a line per video frame."""
    names: Sequence[str] = [name for name in files if name.endswith(".whl")]
    if not names:
        return {}
    if len(names) > 1:
        raise BadInput(f"there are several .whl files, {listed(names)}; give one")
    check_sampling_rate(rate, "position_rate")
    text = the_file(files, names[0]).read_text(encoding="ascii", errors="replace")
    try:
        values = np.array([[float(field) for field in line.split()] for line in text.splitlines() if line.strip()])
    except ValueError as error:
        raise BadInput(f"{names[0]} must hold numbers, as many on each line ({error})") from error
    if values.ndim != 2 or values.shape[1] not in (2, 4):
        raise BadInput(f"{names[0]} is {values.shape}; expected x and y, or x and y of two lights, on each line")
    values[values == NO_POSITION] = np.nan
    times = np.arange(len(values)) / rate
    return {"position": TimeSeries(times, values, ("x", "y", "x_2", "y_2")[: values.shape[1]])}
