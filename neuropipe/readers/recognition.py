"""Which reader takes a user's own file: asked of the facts in the readers' decorators.

adds : endings of single files that the reader takes without further parameters, such as (".npz",)
recognises : name of a function of its module, path -> bool, for endings that several readers take; the one without such
    a function takes what no other recognises
"""

import importlib
from pathlib import Path

from neuropipe.errors import BadInput
from neuropipe.registry import Plugin, Registry


def reader_of(path: Path, registry: Registry) -> Plugin:
    """The reader of a single file; BadInput where there is none, or more than one."""
    added = {name: plugin for name, plugin in registry.available().items() if "adds" in plugin.facts}
    takers = [plugin for plugin in added.values() if path.suffix.lower() in plugin.facts["adds"]]
    if not takers:
        endings = sorted({ending for plugin in added.values() for ending in plugin.facts["adds"]})
        raise BadInput(
            f"{path} ends in {path.suffix or 'nothing'!r}; `neuropipe add` takes {', '.join(endings)}. Other formats "
            "are described in a YAML file in data/catalog (docs/add.md)"
        )
    sure = [plugin for plugin in takers if "recognises" in plugin.facts and _recognises(plugin, path)]
    found = sure or [plugin for plugin in takers if "recognises" not in plugin.facts]
    if len(found) != 1:
        names = ", ".join(plugin.name for plugin in found or takers)
        problem = "several readers take it" if found else "no reader recognises its content"
        raise BadInput(f"{path}: {problem} ({names}); describe it in a YAML file in data/catalog (docs/add.md)")
    return found[0]


def _recognises(plugin: Plugin, path: Path) -> bool:
    return bool(getattr(importlib.import_module(plugin.module), plugin.facts["recognises"])(path))
