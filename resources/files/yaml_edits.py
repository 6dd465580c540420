"""Changes to YAML files that people write, too: comments stay, one process at a time, replaced in one step."""

import copy
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

from neuropipe.catalog.yaml_files import parse
from neuropipe.errors import BadInput
from resources.files.locks import process_lock
from resources.files.safe_files import clear_leftovers, storage_trouble_in_words, write_durably

_HEAD = "%YAML 1.1\n---\n"


def edit_yaml(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Apply `change` to the mapping that a YAML file holds, an empty one where there is no file yet.

    `change` is called twice and must do the same to any mapping; if it raises, the file stays as it was. It inserts
    plain data: mappings, lists, text, numbers, None.
    """
    path = path.resolve()  # a link stays a link
    with storage_trouble_in_words(path.parent, path.name):
        path.parent.mkdir(parents=True, exist_ok=True)
        with process_lock(path.parent / ".locks" / path.name):
            before = parse(path)[1] if path.exists() else None
            if not isinstance(before, dict | None):
                raise BadInput(f"{path} holds no mapping at its top; restore it, or move it away")
            expected = copy.deepcopy(before or {})
            change(expected)
            text = _with_change(path, change) if before else _after_comments(path) + _dump(expected)
            _check(path, text, expected)
            clear_leftovers(path)
            write_durably(path, text)


def _yaml() -> Any:
    from ruamel.yaml import YAML

    yaml = YAML()
    # The catalogue is read by PyYAML, which follows YAML 1.1: `yes`, `12:30` and `0123` as texts need quotes there.
    yaml.version = (1, 1)
    yaml.preserve_quotes = True
    yaml.allow_unicode = True
    yaml.width = 4096
    return yaml


def _with_change(path: Path, change: Callable[[dict[str, Any]], None]) -> str:
    from ruamel.yaml.error import YAMLError

    try:
        content = _yaml().load(path.read_text(encoding="utf-8"))
    except YAMLError as error:
        problem = getattr(error, "problem", None) or str(error).partition("\n")[0]
        raise BadInput(f"{path} can't be changed, it is not valid YAML: {problem}") from error
    change(content)
    return _dump(content)


def _dump(content: Any) -> str:
    text = io.StringIO()
    _yaml().dump(content, text)
    return text.getvalue().removeprefix(_HEAD)


def _after_comments(path: Path) -> str:
    """The text of a file that holds nothing but comments."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return text if text.endswith("\n") or not text else text + "\n"


def _check(path: Path, text: str, expected: dict[str, Any]) -> None:
    """Refuse a text that does not read as what was meant, before anybody can read it."""
    import yaml

    try:
        written = yaml.safe_load(text)
    except yaml.YAMLError:
        written = None
    if written != expected:
        raise BadInput(
            f"{path} can't be changed without changing the meaning of something else in it; add the entry by hand"
        )
