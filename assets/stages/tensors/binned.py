"""binned: activity in bins with what to decode from it: a label per trial, or behaviour in every bin."""

from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from pydantic import ValidationError, create_model, model_validator

from assets.stages.plugins import together
from assets.stages.sessions import has_task, parts_of
from neuropipe import tasks
from neuropipe.catalog import DatasetEntry
from neuropipe.schemas import Activity, Binned, Recording
from neuropipe.tasks.binning import SUMS_PROMISE
from resources.store.stage import StageConfig, Uses, stage


class _Binned(StageConfig):
    """task : its kind; the other settings are those of the kind's catalogue entry."""

    task: str

    @property
    def entry(self) -> Any:
        """What the task's functions are given."""
        given = {name: getattr(self, name) for name in self.model_fields_set - {"task"}}
        return tasks.get(self.task).entry(**{name: value for name, value in given.items() if value is not None})

    @model_validator(mode="after")
    def _is_an_entry(self) -> Self:
        try:
            self.entry  # noqa: B018 (raises)
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(str(part) for part in first["loc"])
            fault = first["msg"].removeprefix("Value error, ")
            raise ValueError(f"{field}: {fault}" if field else fault) from None
        return self

    def resolved(self) -> dict[str, Any]:
        return {"task": self.task, **self.entry.model_dump(mode="json", exclude={"folds", "kind"})}


def _fields() -> dict[str, Any]:
    """The settings of all kinds of tasks; each kind refuses those of the others."""
    names = [name for task in tasks.available().values() for name in task.entry.model_fields]
    return {name: (Any, None) for name in dict.fromkeys(names) if name not in ("folds", "kind")}


BinnedConfig = create_model("BinnedConfig", __base__=_Binned, **_fields())


def _settings(dataset: DatasetEntry) -> dict[str, Any]:
    return {
        "task": tasks.kind_of(dataset.task),
        **dataset.task.model_dump(exclude={"folds", "kind"}, exclude_unset=True),
    }


def _uses(config: Any) -> Uses:
    return together(parts_of(config.task, "bin", "binned"))


def _plots(made: Binned, **_: Any) -> dict[str, Any]:
    return tasks.get(made.task).load("plot_bins")(made)


@stage(
    group="tensors",
    kinds=("zarr",),
    config=BinnedConfig,
    settings=_settings,
    applies_to=has_task,
    uses=_uses,
    tools=("numba",),
    checks={"sums": SUMS_PROMISE},
    plots=_plots,
)
def binned(config: BinnedConfig, activity: Activity, recording: Recording, scratch: Path) -> Binned:
    """Spike counts, or events of imaged ROIs, in bins: (trial, bin, unit) with a label per trial, or (time, unit) with
    the behaviour in every bin, as the session's task says."""
    made = tasks.get(config.task).load("bin")(config.entry, activity, recording, scratch)
    return replace(made, task=config.task)


STAGES = [binned]
