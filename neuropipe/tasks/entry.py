"""What the catalogue says of a task: the base of every kind's entry, and the folds that all of them name."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field


class Entry(BaseModel):
    """Base class of everything in a YAML file of the catalogue: unknown fields, NaN and infinity are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class FoldsEntry(Entry):
    """How samples are split. gap: samples left out on either side of a test block, at least a history's."""

    schemes: tuple[str, ...] = Field(default=("blocked",), min_length=1)
    n_folds: int = Field(default=5, ge=2)
    gap: int = Field(default=1, ge=0)
    block_column: str | None = None
    seed: int = 0


class TaskEntry(Entry):
    """Base of the entries of all kinds of tasks.

    kind : may be left out where the mark tells it; mark : the field by which an entry without `kind` is recognised."""

    mark: ClassVar[str]

    kind: str | None = None
    bin_width: float = Field(gt=0)
    folds: FoldsEntry = FoldsEntry()

    @property
    def target(self) -> str:
        """What is decoded, in a word for tables."""
        raise NotImplementedError


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
