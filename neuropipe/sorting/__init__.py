"""Spike sorting: from raw voltage to the spikes of single units. One module with one function per sorter.

Contract: a sorter is a function `(recording, folder, *, seed, **parameters) -> sorting`. recording : SpikeInterface's,
filtered and referenced, in uV; folder : an empty one for whatever it writes; sorting : SpikeInterface's. It runs in a
process of its own, so that one that crashes or hangs costs one sentence. Facts of its decorator: `tools`, the
distributions that it needs, and `install`, what pip is to install where it isn't part of the environment.
"""

from typing import Any

from neuropipe.recording import Recording, SpikeTrains
from neuropipe.registry import Registry

registry = Registry("sorter", __name__)
available = registry.available
get = registry.get


def sort(
    recording: Recording,
    sorter: str = "spykingcircus2",
    *,
    seed: int = 0,
    time_limit: float = 3600.0,
    preprocessing: Any = None,
    **parameters: Any,
) -> SpikeTrains:
    """The spikes of single units in the raw voltage of a recording, in s on its clock.

    preprocessing : `Preprocessing`, how voltage is filtered and referenced and motion corrected; time_limit : s
    parameters : of the sorter. Raises BadInput, one sentence, where the sorter isn't installed, crashes, takes longer
    than the time limit or finds no unit.
    """
    import tempfile
    from pathlib import Path

    from neuropipe.errors import BadInput
    from neuropipe.sorting.binary import in_one_binary
    from neuropipe.sorting.preprocessing import Preprocessing, prepare
    from neuropipe.sorting.running import run_sorter

    if recording.voltage is None:
        raise BadInput("the recording holds no raw voltage to sort")
    with tempfile.TemporaryDirectory(prefix="sorting-") as folder:
        voltage = in_one_binary(recording.voltage, Path(folder))
        prepared = prepare(voltage, preprocessing or Preprocessing(), seed=seed)
        return run_sorter(
            registry.get(sorter), voltage, prepared, Path(folder), seed=seed, time_limit=time_limit, **parameters
        )
