"""Typed artifacts: what a stage returns is written by its schema, and read by the schema of whoever takes it as input.

A schema is a frozen dataclass. Each field says with `array`, `table`, `document` or `attribute` what it holds and under
which axes, so that layout and checks follow from the declaration:

    @dataclass(frozen=True, kw_only=True)
    class Events(Schema):
        events: Any = array("time", "unit", kinds="f")
        frame_times: Any = array("time", kinds="f", finite=True)
        frame_rate: float = attribute(of="events")

What is read is lazy: an array is a zarr.Array, to be sliced.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from neuropipe.errors import BadInput

if TYPE_CHECKING:
    import pandas as pd
    import xarray


class ArraySpec(NamedTuple):
    """dims : axis names; kinds : numpy kinds of its values (`u`, `f`, `i`, ...); finite : no NaN, no infinity."""

    dims: tuple[str, ...]
    kinds: str = "f"
    finite: bool = False
    optional: bool = False


class TableSpec(NamedTuple):
    """dim : axis that the rows are; columns : that must be there, others are free."""

    dim: str
    columns: tuple[str, ...] = ()
    optional: bool = False


class DocumentSpec(NamedTuple):
    """A JSON document."""

    optional: bool = False


class AttributeSpec(NamedTuple):
    """of : the array whose attribute it is."""

    of: str


Spec = ArraySpec | TableSpec | DocumentSpec | AttributeSpec
_MISSING = object()


def _field(spec: Spec, default: Any) -> Any:
    return field(metadata={"spec": spec}, **({} if default is _MISSING else {"default": default}))


def array(*dims: str, kinds: str = "f", finite: bool = False, optional: bool = False) -> Any:
    """A field that holds an array with these named axes."""
    return _field(ArraySpec(dims, kinds, finite, optional), None if optional else _MISSING)


def table(dim: str, *columns: str, optional: bool = False) -> Any:
    """A field that holds a pandas table with a row for each step of an axis."""
    return _field(TableSpec(dim, columns, optional), None if optional else _MISSING)


def document(*, optional: bool = False) -> Any:
    """A field that holds plain JSON."""
    return _field(DocumentSpec(optional), None if optional else _MISSING)


def attribute(of: str, default: Any = _MISSING) -> Any:
    """A field that holds an attribute of an array."""
    return _field(AttributeSpec(of), default)


class Check(NamedTuple):
    """What was looked at before a commit. A failed one that is no `warn` keeps the artifact from being committed."""

    passed: bool
    description: str = ""
    warn: bool = False
    facts: Mapping[str, Any] = {}


@dataclass(frozen=True, kw_only=True)
class Schema:
    """Base of all schemas. facts : numbers and words for people; checks : name -> outcome; neither is data."""

    facts: Mapping[str, Any] = field(default_factory=dict)
    checks: Mapping[str, Check] = field(default_factory=dict)

    @classmethod
    def specs(cls) -> dict[str, Spec]:
        """Field name -> what it declares."""
        return {each.name: each.metadata["spec"] for each in fields(cls) if "spec" in each.metadata}

    @classmethod
    def read(cls, artifact: Any) -> Self:
        """The typed object of an artifact; raises BadInput where the artifact has another layout."""
        found: dict[str, Any] = {}
        for name, spec in cls.specs().items():
            if isinstance(spec, ArraySpec):
                found[name] = artifact.array(name)
            elif isinstance(spec, TableSpec):
                found[name] = artifact.table(name) if artifact.has(name) else None
            elif isinstance(spec, DocumentSpec):
                found[name] = artifact.json(name) if artifact.has(name) else None
            else:
                continue
            if found[name] is None and not spec.optional:
                raise BadInput(f"an artifact of {artifact.asset} holds no {name}: it is no {cls.__name__}")
        for name, spec in cls.specs().items():
            if isinstance(spec, AttributeSpec) and found[spec.of] is not None and name in found[spec.of].attrs:
                found[name] = _as_tuple(found[spec.of].attrs[name])
        return cls(**found, facts=dict(artifact.metadata))

    def write(self, draft: Any) -> None:
        """Fill a draft with every field that is set."""
        specs = self.specs()
        for name, spec in specs.items():
            value = getattr(self, name)
            if value is None:
                continue
            if isinstance(spec, ArraySpec):
                attributes = {
                    other: getattr(self, other)
                    for other, its in specs.items()
                    if isinstance(its, AttributeSpec) and its.of == name and getattr(self, other) is not None
                }
                draft.array(name, value, dims=spec.dims, attributes=attributes, chunks=self.chunks(name))
            elif isinstance(spec, TableSpec):
                draft.table(name, value)
            elif isinstance(spec, DocumentSpec):
                draft.json(name, value)

    def chunks(self, name: str) -> tuple[int, ...] | None:
        """Chunks of an array; None leaves the choice to Zarr."""
        return None

    def write_extras(self, folder: Path) -> None:
        """Write what is kept beside the data and is no part of it, such as learning curves."""

    def problems(self) -> list[str]:
        """What contradicts the schema: axes that disagree, values of the wrong kind, missing columns."""
        lengths: dict[str, tuple[int, str]] = {}
        found = []
        for name, spec in self.specs().items():
            value = getattr(self, name)
            if value is None or not isinstance(spec, ArraySpec | TableSpec):
                continue
            if isinstance(spec, TableSpec):
                missing = [column for column in spec.columns if column not in value.columns]
                found += [f"{name} has no column {column}" for column in missing]
                axes = [(spec.dim, len(value))]
            else:
                found += list(_array_problems(name, value, spec))
                axes = list(zip(spec.dims, value.shape, strict=False))
            for dim, length in axes:
                known, owner = lengths.setdefault(dim, (length, name))
                if known != length:
                    found.append(f"the axis {dim} has {known} steps in {owner} and {length} in {name}")
        return found

    def to_xarray(self) -> "xarray.Dataset":
        """All arrays with their axes, in memory."""
        import xarray

        arrays = {name: spec for name, spec in self.specs().items() if isinstance(spec, ArraySpec)}
        values = {name: (spec.dims, getattr(self, name)) for name, spec in arrays.items()}
        return xarray.Dataset({name: (dims, held[:]) for name, (dims, held) in values.items() if held is not None})

    def to_pandas(self) -> "pd.DataFrame | dict[str, pd.DataFrame]":
        """The table, or all tables by name where there are several."""
        names = [name for name, spec in self.specs().items() if isinstance(spec, TableSpec)]
        tables = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        return next(iter(tables.values())) if len(tables) == 1 else tables


LAYOUT = "layout"
LAYOUT_PROMISE = "Arrays, axes, kinds of numbers and columns are those that the schema declares."


def checked(result: Schema) -> dict[str, Check]:
    """Every check of a stage's result: the one that follows from its schema, and its own."""
    problems = result.problems()
    return {LAYOUT: Check(not problems, "; ".join(problems[:5])), **result.checks}


def _array_problems(name: str, value: Any, spec: ArraySpec) -> Iterator[str]:
    if len(value.shape) != len(spec.dims):
        yield f"{name} has {len(value.shape)} axes, not ({', '.join(spec.dims)})"
    elif value.dtype.kind not in spec.kinds:
        yield f"{name} holds {value.dtype}"
    elif spec.finite and value.dtype.kind == "f":
        import numpy as np

        step = max(1, (8 << 20) // max(1, value.dtype.itemsize * int(np.prod(value.shape[1:], dtype=np.int64))))
        if not all(np.isfinite(value[at : at + step]).all() for at in range(0, value.shape[0], step)):
            yield f"{name} holds values that are not finite"


def _as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
