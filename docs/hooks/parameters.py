"""In the API reference, `name : meaning` of a docstring becomes an item of a list; in the source it stays prose."""

import re

import griffe

START = re.compile(r"(?:^|(?<=[.;])\s+)(?=\w+(?:, \w+)* : )|^(?=Returns |Raises )", re.MULTILINE)
PARAMETER = re.compile(r"(\w+(?:, \w+)*) : (.*)", re.DOTALL)


class ParametersAsList(griffe.Extension):
    def on_instance(self, *, obj: griffe.Object, **_: object) -> None:
        if obj.docstring is not None:
            obj.docstring.value = with_list(obj.docstring.value)


def with_list(text: str) -> str:
    """A docstring as Markdown."""
    parts = [part.strip() for part in START.split(text) if part.strip()]
    shown, in_list = [], False
    for part in parts:
        found = PARAMETER.fullmatch(part)
        if found:
            meaning = " ".join(found[2].split()).rstrip(";")
            shown.append(f"{'' if in_list else chr(10)}- `{found[1]}`: {meaning}")
        else:
            shown.append(f"\n{part}")
        in_list = bool(found)
    return "\n".join(shown).strip()
