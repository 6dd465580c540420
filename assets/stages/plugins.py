"""Plug-ins as stages see them: their parameters are settings, their code and tools count."""

import ast
from typing import Any

from pydantic import Field

from neuropipe.registry import Plugin
from resources.store.stage import RUNTIME_ONLY, Uses

_PLAIN_TYPES = {"int": int, "float": float, "str": str, "bool": bool, "tuple": tuple, "list": list}


def settings_of(plugin: Plugin) -> dict[str, Any]:
    """The parameters of a plug-in as fields of a configuration, with their defaults."""
    runtime_only = plugin.facts.get("runtime_only", ())
    return {
        name: (
            _annotation(plugin.annotations.get(name, ""), default),
            Field(default, json_schema_extra=RUNTIME_ONLY if name in runtime_only else None),
        )
        for name, default in plugin.parameters.items()
    }


def uses(*plugins: Plugin, facts: tuple[str, ...] = ()) -> Uses:
    """The code and the tools of plug-ins. facts : names of those that are written into the artifact."""
    code = tuple(f"{plugin.module}:{plugin.attribute}" for plugin in plugins)
    tools = tuple(sorted({tool for plugin in plugins for tool in plugin.facts.get("tools", ())}))
    return Uses(code, tools, tuple((name, plugin.facts[name]) for plugin in plugins for name in facts))


def together(*several: Uses) -> Uses:
    """Everything that any of them uses."""
    code = tuple(dict.fromkeys(each for one in several for each in one.code))
    facts = tuple(each for one in several for each in one.facts)
    return Uses(code, tuple(sorted({tool for one in several for tool in one.tools})), facts)


def _annotation(text: str, default: Any) -> Any:
    """The type of a keyword, where it is made of plain ones; anything else is left to the plug-in to validate."""
    if not text:
        return type(default) if type(default) in _PLAIN_TYPES.values() else Any
    names = {node.id for node in ast.walk(ast.parse(text, mode="eval")) if isinstance(node, ast.Name)}
    return eval(text, {"__builtins__": {}}, _PLAIN_TYPES) if names <= set(_PLAIN_TYPES) else Any
