"""The catalogue: one YAML file a dataset, validated on load; what exists, where it lies and what to decode from it."""

import difflib
import fnmatch
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    ValidationError,
    model_validator,
)

from neuropipe.catalog.yaml_files import parse, sentence
from neuropipe.errors import BadInput

Modality = Literal["voltage", "movie", "fluorescence", "spikes", "counts"]
DATASET_NAME, SESSION_NAME = r"[a-z0-9][a-z0-9_-]*", r"[a-z0-9][a-z0-9._-]*"
Name = Annotated[str, StringConstraints(pattern=f"^{SESSION_NAME}$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FileEntry(Entry):
    """One file of a session: fetched from `url`, or used where it lies at `path`."""

    url: str | None = None
    path: str | None = None
    bytes: int | None = Field(default=None, ge=0)
    sha256: Sha256 | None = None

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.url is None) == (self.path is None):
            raise ValueError("give either url or path")
        if self.url is not None and not re.match(r"https?://[^/]+/.", self.url):
            raise ValueError(f"not an http(s) address: {self.url}")
        return self


class FoldsEntry(Entry):
    """How samples are split. gap: samples left out on either side of a test block, at least a history's."""

    schemes: tuple[str, ...] = Field(default=("blocked",), min_length=1)
    n_folds: int = Field(default=5, ge=2)
    gap: int = Field(default=1, ge=0)
    block_column: str | None = None
    seed: int = 0


def check_window(window: tuple[float, float], bin_width: float) -> None:
    """Refuse (ValueError) a window, (start, stop) s, that does not hold a whole number of bins, at least one."""
    start, stop = window
    if not bin_width > 0:
        raise ValueError(f"bin_width is {bin_width} s; it must be above 0")
    if not stop - start >= bin_width * (1 - 1e-9):
        raise ValueError(f"window {start} to {stop} s is shorter than one bin of {bin_width} s")
    n_bins = (stop - start) / bin_width
    if abs(n_bins - round(n_bins)) > 1e-6:
        raise ValueError(f"window {start} to {stop} s is not a whole number of bins of {bin_width} s")


class Task(Entry):
    """What to decode: a label column of the trial table, from a window around an event of each trial."""

    kind: ClassVar = "classification"

    label: str
    align: str
    window: tuple[float, float]
    bin_width: float = Field(gt=0)
    folds: FoldsEntry = FoldsEntry()

    @model_validator(mode="after")
    def _window_holds_bins(self) -> Self:
        check_window(self.window, self.bin_width)
        return self

    @property
    def n_bins(self) -> int:
        return round((self.window[1] - self.window[0]) / self.bin_width)


class ContinuousTask(Entry):
    """What to decode at every moment: behavioural series, from the bins of activity up to and including that moment.

    targets : names of behavioural series; circular : they are angles in radians; bin_width : s; history : bins that a
    sample holds, the current one last; epoch : the named stretches of the recording to use, all of it where not given.
    """

    kind: ClassVar = "regression"

    targets: tuple[str, ...] = Field(min_length=1)
    circular: bool = False
    bin_width: float = Field(gt=0)
    history: int = Field(default=1, ge=1)
    epoch: str | None = None
    folds: FoldsEntry = FoldsEntry()

    @model_validator(mode="after")
    def _folds_need_no_labels(self) -> Self:
        unfit = {"stratified", "leave_one_block_out"} & set(self.folds.schemes)
        if unfit:
            raise ValueError(f"the scheme {min(unfit)} needs trials; a continuous session has none")
        return self

    @property
    def label(self) -> str:
        """What is decoded, in a word for tables."""
        return ", ".join(self.targets)


def _kind_of_task(value: Any) -> str:
    names = value if isinstance(value, Mapping) else getattr(value, "__dict__", {})
    return "[continuous]" if "targets" in names else "[trials]"


AnyTask = Annotated[
    Annotated[Task, Tag("[trials]")] | Annotated[ContinuousTask, Tag("[continuous]")], Discriminator(_kind_of_task)
]


class Thresholds(Entry):
    """What a session must hold before anything is learned from it. significance: level of the dead-session check."""

    min_trials_per_class: int = Field(default=2, ge=1)
    min_spikes_per_unit: int = Field(default=0, ge=0)
    significance: float = Field(default=0.05, gt=0, lt=1)


class SessionEntry(Entry):
    files: dict[str, FileEntry] = {}
    parameters: dict[str, Any] = {}
    config: dict[str, dict[str, Any]] = {}
    note: str = ""
    same_recording_as: str | None = None


class DatasetEntry(Entry):
    title: str
    citation: str
    licence: str
    modality: Modality
    reader: str | None = None
    simulator: str | None = None
    parameters: dict[str, Any] = {}
    task: AnyTask | None = None
    thresholds: Thresholds = Thresholds()
    config: dict[str, dict[str, Any]] = {}
    follow_upstream: bool = False
    sessions: dict[Name, SessionEntry]

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.reader is None) == (self.simulator is None):
            raise ValueError("give either reader or simulator")
        for name, session in self.sessions.items():
            if (self.reader is None) == bool(session.files):
                raise ValueError(
                    f"session {name} needs files" if self.reader else f"session {name} is simulated: it has no files"
                )
        return self


@dataclass(frozen=True)
class Session:
    """One session with what its dataset says of it already applied (dataset < session)."""

    key: str
    dataset_name: str
    dataset: DatasetEntry
    entry: SessionEntry

    @property
    def modality(self) -> str:
        return self.dataset.modality

    @property
    def task(self) -> Task | ContinuousTask | None:
        return self.dataset.task

    @cached_property
    def parameters(self) -> dict[str, Any]:
        """Keyword arguments of the reader or simulator."""
        return {**self.dataset.parameters, **self.entry.parameters}

    def config(self, asset: str) -> dict[str, Any]:
        """Settings of one asset that the catalogue fixes for this session."""
        dataset, session = self.dataset.config, self.entry.config
        if not dataset and not session:
            return {}
        return {**dataset.get(asset, {}), **session.get(asset, {})}


class Catalog:
    """All sessions of all datasets of one folder, by key `<dataset>.<session>`."""

    def __init__(self, datasets: Mapping[str, DatasetEntry], root: Path):
        self.datasets = dict(datasets)
        self.root = root
        self.sessions = {
            f"{name}.{session}": Session(f"{name}.{session}", name, dataset, entry)
            for name, dataset in self.datasets.items()
            for session, entry in dataset.sessions.items()
        }

    @classmethod
    def load(cls, root: Path) -> "Catalog":
        """Read and validate every `*.yaml` of `root`; an error names file, line and field."""
        if not root.is_dir():
            raise BadInput(f"no catalogue at {root}: it should hold one YAML file a dataset")
        datasets: dict[str, DatasetEntry] = {}
        for path in sorted(root.glob("*.yaml")):
            for name, dataset in _read_file(path):
                if name in datasets:
                    raise BadInput(f"{path}: the dataset {name} is already described in another file")
                datasets[name] = dataset
        return cls(datasets, root)

    def session(self, key: str) -> Session:
        if key not in self.sessions:
            near = difflib.get_close_matches(key, self.sessions, n=3, cutoff=0.4)
            hint = f"did you mean {', '.join(near)}?" if near else "`neuropipe sessions` lists them"
            raise BadInput(f"no session is called {key!r}; {hint}")
        return self.sessions[key]

    def match(self, patterns: tuple[str, ...]) -> list[Session]:
        """Sessions whose key equals or globs one of `patterns`, in catalogue order; each pattern must match some."""
        keys: set[str] = set()
        for pattern in patterns:
            found = fnmatch.filter(self.sessions, pattern) if any(c in pattern for c in "*?[") else None
            if found is None:
                found = [self.session(pattern).key]
            elif not found:
                raise BadInput(f"no session matches {pattern!r}; `neuropipe sessions` lists them")
            keys.update(found)
        return [session for key, session in self.sessions.items() if key in keys]

    def __iter__(self) -> Iterator[Session]:
        return iter(self.sessions.values())


def _read_file(path: Path) -> Iterator[tuple[str, DatasetEntry]]:
    """`<dataset>.yaml` holds one dataset; `local.yaml` (written by `neuropipe add`) holds several, by name."""
    tree, data = parse(path)
    if path.stem == "local":
        entries, prefix = (data or {}), True
    else:
        entries, prefix = {path.stem: data}, False
    for name, entry in entries.items():
        if not re.fullmatch(DATASET_NAME, str(name)):
            raise BadInput(f"{path}: a dataset is named with a-z, 0-9, _ and -; found {name!r}")
        try:
            dataset = DatasetEntry.model_validate(entry)
        except ValidationError as error:
            raise BadInput(sentence(path, tree, error, (name,) if prefix else ())) from None
        yield name, dataset
