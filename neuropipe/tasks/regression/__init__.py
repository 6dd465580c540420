"""Regression: behaviour at every moment, from the bins of activity up to and including that moment."""

from typing import ClassVar, Self

from pydantic import Field, model_validator

from neuropipe.tasks import Task
from neuropipe.tasks.entry import TaskEntry


class RegressionEntry(TaskEntry):
    """targets : names of behavioural series; circular : they are angles in radians; bin_width : s; history : bins that

    a sample holds, the current one last; epoch : the named stretches of the recording to use, all of it where not given
    """

    mark: ClassVar = "targets"

    targets: tuple[str, ...] = Field(min_length=1)
    circular: bool = False
    history: int = Field(default=1, ge=1)
    epoch: str | None = None

    @model_validator(mode="after")
    def _folds_need_no_labels(self) -> Self:
        unfit = {"stratified", "leave_one_block_out"} & set(self.folds.schemes)
        if unfit:
            raise ValueError(f"the scheme {min(unfit)} needs trials; a continuous session has none")
        return self

    @property
    def target(self) -> str:
        return ", ".join(self.targets)


TASK = Task(
    kind="regression",
    entry=RegressionEntry,
    estimators="regression",
    family="regression",
    binned="neuropipe.schemas.binned:TimeBins",
    bin="neuropipe.tasks.regression.binning:bin_time",
    samples="neuropipe.tasks.regression.decoding:time_samples",
    problem="neuropipe.tasks.regression.decoding:TimeProblem",
    score="neuropipe.tasks.regression.scoring:score_targets",
    plot_bins="neuropipe.plots.binned:time_bins",
    plot_predictions="neuropipe.plots.binned:decoded_and_true",
)
