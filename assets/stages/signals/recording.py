"""recording: the published files of a session, verified and read into standard form; or a simulation and its truth."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from assets.stages import plugins
from neuropipe import readers, simulate
from neuropipe.catalog import Session
from neuropipe.errors import BadInput
from neuropipe.registry import Plugin, check_parameters
from neuropipe.schemas import Recording
from resources.files.disk import need_disk
from resources.store.stage import StageConfig, Uses, stage
from resources.workspace import Workspace


class RecordingConfig(StageConfig):
    """reader or simulator : that makes it, with its parameters; files : name -> sha256."""

    reader: str | None = None
    simulator: str | None = None
    parameters: dict[str, Any] = {}
    files: dict[str, str] = {}


def _plugin(config: RecordingConfig) -> Plugin:
    return simulate.get(config.simulator) if config.simulator is not None else readers.get(config.reader)


def _uses(config: RecordingConfig) -> Uses:
    return plugins.uses(_plugin(config))


def _settings(session: Session, workspace: Workspace, *, fetch: bool) -> dict[str, Any]:
    if fetch:
        workspace.sources.fetch(session)
    dataset = session.dataset
    try:
        _plugin(RecordingConfig(reader=dataset.reader, simulator=session.simulator))
    except BadInput as error:
        raise BadInput(f"data set {session.dataset_name}: {error}") from None
    return {
        "reader": dataset.reader,
        "simulator": session.simulator,
        "parameters": session.parameters,
        "files": workspace.sources.hashes(session),
    }


@stage(group="signals", kinds=("zarr", "parquet"), settings_of_session=_settings, uses=_uses)
def recording(config: RecordingConfig, files: Mapping[str, Path], scratch: Path) -> Recording:
    """The published files of a session, verified and read into standard form; or a simulation with its truth.

    Spike times, counts or dF/F, a table of units, a table of trials and, where there is any, behaviour.
    """
    if config.simulator is not None:
        plugin = simulate.get(config.simulator)
        check_parameters(plugin, config.parameters)
        made = plugin.load()(**config.parameters)
    else:
        plugin = readers.get(config.reader)
        check_parameters(plugin, config.parameters)
        made = plugin.load()(dict(files), **config.parameters)
    if made.movie is not None:
        frames = made.movie.frames
        need_disk(scratch, math.prod(frames.shape) * frames.dtype.itemsize, "the movie")
    if made.voltage is None:
        return Recording.of(made)
    samples = made.voltage.samples
    addressed = {name: path for name, path in files.items() if path == getattr(samples, "path", None)}
    if not addressed:
        need_disk(scratch, math.prod(samples.shape) * samples.dtype.itemsize, "the voltage")
        return Recording.of(made)
    (name,) = addressed
    return Recording.of(made, raw_file=(name, config.files[name]))


STAGES = [recording]
