"""Entries of the catalogue that describe files, folds and tasks, as people write them in YAML."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Self
from urllib.parse import unquote

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    model_validator,
)

DATASET_NAME, SESSION_NAME = r"[a-z0-9][a-z0-9_-]*", r"[a-z0-9][a-z0-9._-]*"
FILE_NAME = r"[^/\\\x00-\x1f]+"
Name = Annotated[str, StringConstraints(pattern=f"^{SESSION_NAME}$")]
FileName = Annotated[str, StringConstraints(pattern=f"^{FILE_NAME}$", max_length=255)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Entry(BaseModel):
    """Base class of everything in a YAML file of the catalogue: unknown fields, NaN and infinity are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class FileEntry(Entry):
    """One file of a session: downloaded from `url`, or used where it lies at `path`."""

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
        if self.url is not None and {".", ".."} & set(re.split(r"[/\\]", unquote(self.url))):
            raise ValueError(f"an address must not hold the folder . or ..: {self.url}")
        return self


class FoldsEntry(Entry):
    """How samples are split into folds.

    gap : samples left out on both sides of a test block; it covers at least the history of a sample
    """

    schemes: tuple[str, ...] = Field(default=("blocked",), min_length=1)
    n_folds: int = Field(default=5, ge=2)
    gap: int = Field(default=1, ge=0)
    block_column: str | None = None
    seed: int = 0


def check_window(window: tuple[float, float], bin_width: float) -> None:
    """Refuse (ValueError) a window, (start, stop) s, that is not a whole number of bins, one or more."""
    start, stop = window
    if not bin_width > 0:
        raise ValueError(f"bin_width is {bin_width} s; it must be above 0")
    if not stop - start >= bin_width * (1 - 1e-9):
        raise ValueError(f"window {start} to {stop} s is shorter than one bin of {bin_width} s")
    n_bins = (stop - start) / bin_width
    if abs(n_bins - round(n_bins)) > 1e-6:
        raise ValueError(f"window {start} to {stop} s is not a whole number of bins of {bin_width} s")


class Task(Entry):
    """Classification of trials: a label of each trial, from a window around an event.

    label : column of the trial table; align : event column that windows are relative to; window : (start, stop) s
    min_trials_per_class : classes with fewer usable trials are left out
    """

    kind: ClassVar = "classification"

    label: str
    align: str
    window: tuple[float, float]
    bin_width: float = Field(gt=0)
    min_trials_per_class: int = Field(default=2, ge=1)
    folds: FoldsEntry = FoldsEntry()

    @model_validator(mode="after")
    def _window_holds_bins(self) -> Self:
        check_window(self.window, self.bin_width)
        return self

    @property
    def n_bins(self) -> int:
        """Number of bins in the window."""
        return round((self.window[1] - self.window[0]) / self.bin_width)


class ContinuousTask(Entry):
    """Regression: behavioural series at every moment, from the activity in the bins up to and including that moment.

    targets : names of behavioural series; circular : they are angles in radians; bin_width : s; history : bins of a
    sample, the current one last; epoch : name of the stretches of the recording to use; default: the whole recording
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
        """What is decoded, for tables."""
        return ", ".join(self.targets)


def _kind_of_task(value: Any) -> str:
    names = value if isinstance(value, Mapping) else getattr(value, "__dict__", {})
    return "[continuous]" if "targets" in names else "[trials]"


AnyTask = Annotated[
    Annotated[Task, Tag("[trials]")] | Annotated[ContinuousTask, Tag("[continuous]")], Discriminator(_kind_of_task)
]
