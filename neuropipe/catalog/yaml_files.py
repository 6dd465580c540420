"""YAML files that people write: what is wrong in them is said with the file, the line and the field."""

from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from neuropipe.errors import BadInput

_FAULTS = {
    "extra_forbidden": "there is no field of this name",
    "missing": "this field must be given",
    "string_pattern_mismatch": "a name is made of a-z, 0-9, ., _ and -, a hash of 64 digits 0-9a-f",
}


def parse(path: Path) -> tuple[yaml.Node | None, Any]:
    """The tree of a file, which knows its lines, and its content."""
    try:
        text = path.read_text(encoding="utf-8")
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} can't be read as text: {error}") from None
    try:
        tree = loader.get_single_node()
        if tree is not None:
            _refuse_duplicates(path, tree)
        return tree, loader.construct_document(tree) if tree is not None else None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise BadInput(f"{path}:{line}: not valid YAML: {error.problem}") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise BadInput(f"{path}:{line}: not valid YAML: {error.reason}") from None
    finally:
        loader.dispose()


def _refuse_duplicates(path: Path, node: yaml.Node) -> None:
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                raise BadInput(f"{path}:{key.start_mark.line + 1}: {key.value!r} is given twice")
            seen.add(key.value)
            _refuse_duplicates(path, value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _refuse_duplicates(path, item)


def sentence(path: Path, tree: yaml.Node | None, error: ValidationError, prefix: tuple[str, ...] = ()) -> str:
    """What pydantic refused first; prefix : where in the file the model begins."""
    # A misspelt field comes before the one that is then missing.
    first = min(error.errors(), key=lambda found: found["type"] != "extra_forbidden")
    location = (*prefix, *(part for part in first["loc"] if not str(part).startswith("[")))
    field = ".".join(str(part) for part in location) or "the file"
    fault = _FAULTS.get(first["type"], first["msg"])
    return f"{path}:{line_of(tree, location)}: {field}: {fault} (found {_shorten(first.get('input'))})"


def _shorten(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def line_of(node: yaml.Node | None, location: tuple[str | int, ...]) -> int:
    """Line of the innermost part of `location` that the file holds."""
    line = 1
    for part in location:
        if isinstance(node, yaml.MappingNode):
            match = next((pair for pair in node.value if pair[0].value == str(part)), None)
            if match is None:
                break
            line, node = match[0].start_mark.line + 1, match[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
        else:
            break
    return line
