"""Reads YAML files that people write; errors name the file, the line and the field."""

import re
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from neuropipe.errors import BadInput

MOST_BYTES = 64 << 20
DEEPEST = 100  # levels of brackets; the parser is recursive C code, which a deeper file would crash
WIDEST_INDENT = 400  # characters of indentation and list marks, of which a level takes one or more
MOST_VALUES = 1_000_000  # with everything that aliases (*name) repeat
_FAULTS = {
    "extra_forbidden": "there is no field of this name",
    "missing": "this field must be given",
    "invalid-json-value": "a setting is text, a number, true, false, null, or a list or mapping of these; put text "
    "that looks like a date into quotes",
    "finite_number": "must be a finite number",
    "model_type": "expected fields by name, as in `title: ...`",
}
_JSON_TYPES = {"bool", "int", "float", "str", "list", "dict"}  # which pydantic names behind a setting's own name


def parse(path: Path) -> tuple[yaml.Node | None, Any]:
    """The tree of a file, which knows its lines, and its content. No Python object but plain values is made."""
    try:
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise BadInput(f"{path} is {size:,} bytes; at most {MOST_BYTES:,} are read: is it a catalogue?")
        text = path.read_text(encoding="utf-8")
        _refuse_deep_nesting(path, text)
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} can't be read as text: {error}") from None
    except yaml.reader.ReaderError as error:
        raise _not_yaml(path, text, error) from None
    try:
        tree = loader.get_single_node()
        if tree is not None:
            _count_values(path, tree, {})
        return tree, loader.construct_document(tree) if tree is not None else None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise BadInput(f"{path}:{line}: not valid YAML: {error.problem}") from None
    except yaml.reader.ReaderError as error:
        raise _not_yaml(path, text, error) from None
    except BadInput:
        raise
    except (ValueError, OverflowError) as error:  # a date that is none, and the like
        raise BadInput(f"{path}: not valid YAML: {error}; put text that looks like a date into quotes") from None
    finally:
        loader.dispose()


def sentence(path: Path, tree: yaml.Node | None, error: ValidationError, prefix: tuple[str, ...] = ()) -> str:
    """What pydantic refused first; prefix : where in the file the model begins."""
    # A misspelt field comes before the one that is then missing.
    first = min(error.errors(), key=lambda found: found["type"] != "extra_forbidden")
    location = (*prefix, *(part for part in first["loc"] if not str(part).startswith("[")))
    if location and location[-1] in _JSON_TYPES and first["type"] == "finite_number":
        location = location[:-1]
    field = ".".join(str(part) for part in location) or "the file"
    fault = _FAULTS.get(first["type"], first["msg"].removeprefix("Value error, "))
    if first["type"] == "string_pattern_mismatch":
        fault = _of_pattern(first.get("ctx", {})["pattern"])
    value = first.get("input")
    found = "" if isinstance(value, dict | list) else f" (found {_shorten(value)})"
    return f"{path}:{line_of(tree, location)}: {field}: {fault}{found}"


def _of_pattern(pattern: str) -> str:
    """What a text must be that did not match the pattern of a hash, a file name or a name."""
    if "{64}" in pattern:
        return "a hash is 64 digits 0-9a-f"
    return "a file name has no / or \\" if "/" in pattern else "a name consists of a-z, 0-9, ., _ and -"


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
            item = node.value[part]
            line, node = item.start_mark.line + 1, item
        else:
            break
    return line


def _not_yaml(path: Path, text: str, error: yaml.reader.ReaderError) -> BadInput:
    line = text.count("\n", 0, error.position) + 1
    return BadInput(f"{path}:{line}: not valid YAML: {error.reason}")


def _refuse_deep_nesting(path: Path, text: str) -> None:
    depth = 0
    for match in re.finditer(r"[\[\]{}]", text):
        depth = depth + 1 if match[0] in "[{" else max(0, depth - 1)
        if depth > DEEPEST:
            line = text.count("\n", 0, match.start()) + 1
            raise BadInput(f"{path}:{line}: more than {DEEPEST} brackets are open; close them, or nest less deeply")
    wide = re.search(rf"(?m)^[ \-?:]{{{WIDEST_INDENT + 1}}}", text)
    if wide:
        line = text.count("\n", 0, wide.start()) + 1
        raise BadInput(f"{path}:{line}: indented by more than {WIDEST_INDENT} characters; nest less deeply")


def _count_values(path: Path, node: yaml.Node, counted: dict[int, int]) -> int:
    """Number of values in a tree, aliases counted where they stand; refuses duplicate keys, cycles and huge trees."""
    if isinstance(node, yaml.ScalarNode):
        return 1
    line = node.start_mark.line + 1
    if id(node) in counted:
        if counted[id(node)] == 0:
            raise BadInput(f"{path}:{line}: an alias stands inside of what it repeats; write it out")
        return counted[id(node)]
    counted[id(node)] = 0
    if isinstance(node, yaml.MappingNode):
        _refuse_duplicates(path, node)
    children = [value for _, value in node.value] if isinstance(node, yaml.MappingNode) else node.value
    total = 1 + sum(_count_values(path, child, counted) for child in children)
    if total > MOST_VALUES:
        raise BadInput(f"{path}:{line}: holds more than {MOST_VALUES:,} values, with those that aliases repeat")
    counted[id(node)] = total
    return total


def _refuse_duplicates(path: Path, node: yaml.MappingNode) -> None:
    seen: set[str] = set()
    for key, _ in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            raise BadInput(f"{path}:{line}: the name of a field must be text, found a list or mapping")
        if key.value in seen:
            raise BadInput(f"{path}:{line}: {key.value!r} is given twice")
        seen.add(key.value)


def _shorten(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
