"""Classification: which of several classes each trial belongs to, from activity around an event of the trial."""

from typing import ClassVar, Self

from pydantic import Field, model_validator

from neuropipe.tasks import Task
from neuropipe.tasks.entry import TaskEntry, check_window


class ClassificationEntry(TaskEntry):
    """label : column of the trial table; align : event column; window : (start, stop) s around it; bin_width : s.

    min_trials_per_class : classes with fewer trials are left out
    """

    mark: ClassVar = "label"

    label: str
    align: str
    window: tuple[float, float]
    min_trials_per_class: int = Field(default=2, ge=1)

    @model_validator(mode="after")
    def _window_holds_bins(self) -> Self:
        check_window(self.window, self.bin_width)
        return self

    @property
    def target(self) -> str:
        return self.label

    @property
    def n_bins(self) -> int:
        return round((self.window[1] - self.window[0]) / self.bin_width)


TASK = Task(
    kind="classification",
    entry=ClassificationEntry,
    estimators="classification",
    family="classification",
    binned="neuropipe.schemas.binned:TrialBins",
    bin="neuropipe.tasks.classification.binning:bin_trials",
    samples="neuropipe.tasks.classification.decoding:trial_samples",
    problem="neuropipe.tasks.classification.decoding:TrialProblem",
    score="neuropipe.tasks.classification.scoring:score_classes",
    plot_bins="neuropipe.plots.binned:trial_bins",
    plot_predictions="neuropipe.plots.binned:no_plots",
)
