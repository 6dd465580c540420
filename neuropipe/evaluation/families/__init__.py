"""Score families: how one kind of model is scored, compared and drawn. Adding one is adding one module here.

    @score_family("spikes_per_bit")
    def spikes_per_bit() -> ScoreFamily:
        \"\"\"What the family scores, in one line.\"\"\"
        return ScoreFamily(name="spikes_per_bit", metrics={...})

The leaderboard, the report and the command line ask the family of an evaluation and know none by name.
"""

from functools import cache

from neuropipe.errors import BadInput
from neuropipe.evaluation.families.family import Metric, ScoreFamily
from neuropipe.registry import Plugin, Registry

__all__ = ["Metric", "ScoreFamily", "available", "every", "get"]

REGISTRY = Registry("score_family", "neuropipe.evaluation.families")


def available() -> dict[str, Plugin]:
    """Name -> plug-in of each family, without importing any of them."""
    return REGISTRY.available()


@cache
def get(name: str) -> ScoreFamily:
    """The family of this name."""
    family = REGISTRY.get(name).load()()
    if not isinstance(family, ScoreFamily) or family.name != name:
        raise BadInput(f"the score family announced as {name!r} calls itself {family.name!r}; give it one name")
    return family


def every() -> list[ScoreFamily]:
    """All families, sorted by name."""
    return [get(name) for name in available()]
