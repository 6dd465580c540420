"""Reads the plain data in .npy and .npz files that hold pickled objects, without unpickling them.

Some authors publish dictionaries of arrays as numpy arrays of objects, which numpy itself reads by unpickling: whatever
the file says is then run. Here the instructions of the pickle (protocols 2 to 5, PEP 307, 3154 and 574) are followed by
a reader that knows containers, text, numbers and numpy's arrays, scalars and dtypes, and nothing else. No name in a
file is ever imported or called, so a file can at most be refused.
"""

import enum
import math
import re
import struct
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from neuropipe.errors import BadInput
from neuropipe.readers.archives import load_npy, load_npy_member, open_member, read_npy_header

MAX_DEPTH = 60  # of containers in one another
MAX_INTEGER_BYTES = 16
_CHUNK = 1 << 20
_DTYPE = re.compile(r"b1|[iu][1248]|f[248]|c8|c16|[SU]\d{1,7}|O8?")
_FAULTS = (AttributeError, IndexError, KeyError, ValueError, TypeError, OverflowError, MemoryError, struct.error)


class _Known(enum.Enum):
    """The names that a file may use, and what they stand for."""

    ARRAY = "numpy.ndarray"
    DTYPE = "numpy.dtype"
    RECONSTRUCT = "numpy.core.multiarray._reconstruct"
    SCALAR = "numpy.core.multiarray.scalar"
    FROM_BUFFER = "numpy.core.numeric._frombuffer"
    ENCODE = "_codecs.encode"
    BYTES = "builtins.bytes"


class _Mark:
    """Where the items of a container begin on the stack."""


class _Dtype:
    def __init__(self, spec: str):
        if not _DTYPE.fullmatch(spec):
            raise BadInput(f"the dtype {spec[:40]!r}")
        self.spec, self.order = spec, "="

    def build(self, state: tuple) -> None:
        _, order, subtype, names, fields, *_ = state
        if subtype is not None or names is not None or fields is not None or order not in ("<", ">", "|", "="):
            raise BadInput("a dtype with fields or parts")
        self.order = order

    @property
    def dtype(self) -> np.dtype:
        return np.dtype("O") if self.spec[0] == "O" else np.dtype(self.order.replace("|", "=") + self.spec)


class _Array:
    """An array whose content is still to come; values : the array."""

    def __init__(self) -> None:
        self.values: np.ndarray | None = None

    def build(self, state: tuple) -> None:
        _, shape, dtype, fortran, data = state
        self.fill(shape, dtype, data, "F" if fortran else "C")

    def fill(self, shape: Any, dtype: Any, data: Any, order: str) -> None:
        if not isinstance(dtype, _Dtype) or not isinstance(shape, tuple):
            raise BadInput("an array without a dtype or shape")
        if not all(type(n) is int and n >= 0 for n in shape) or order not in ("C", "F"):
            raise BadInput(f"an array of shape {shape}")
        size = math.prod(shape)
        if dtype.spec[0] == "O":
            if not isinstance(data, list) or len(data) != size:
                raise BadInput("an array of objects with another number of objects than its shape says")
            flat = np.empty(size, object)
            for place, value in enumerate(data):
                flat[place] = value
        else:
            raw = data.encode("latin1") if isinstance(data, str) else data
            if not isinstance(raw, bytes | bytearray) or len(raw) != size * dtype.dtype.itemsize:
                raise BadInput(f"an array of shape {shape} with another number of bytes")
            flat = np.frombuffer(bytes(raw), dtype.dtype) if size else np.empty(0, dtype.dtype)
        self.values = flat.reshape(shape, order=order)  # type: ignore[call-overload]


def load_object_npy(path: Path, *, name: str | None = None) -> Any:
    """The array of an .npy file, which may hold pickled dictionaries, lists, text, numbers and arrays.

    One object in an array without axes (`numpy.save(path, {...})`) is returned itself. name : what errors call the
    file. BadInput for damage and for everything that is not plain data: then nothing of the file is kept.
    """
    where = name or str(path)
    try:
        with Path(path).open("rb") as file:
            _, _, dtype = read_npy_header(file, where)
            if dtype.hasobject:
                return _read(file, where)
    except OSError as error:
        raise BadInput(f"{where} can't be read: {error.strerror}") from error
    return load_npy(path, name=where)


def load_object_npy_member(archive: Path, member: str) -> Any:
    """The array of an .npy member of an .npz or zip archive; as load_object_npy, with the refusals of open_member."""
    where = f"{member} of {archive}"
    with open_member(archive, member) as file:
        _, _, dtype = read_npy_header(file, where)
        if dtype.hasobject:
            return _read(file, where)
    return load_npy_member(archive, member)


def _read(file: BinaryIO, where: str) -> Any:
    try:
        found = _Reader(file).run()
        value = _plain(found, 0, {})
    except BadInput as error:
        raise BadInput(
            f"{where} holds pickled Python objects, and among them {error}: only dictionaries, lists, text, numbers "
            "and numpy arrays are read, because unpickling runs code; save it again as plain arrays"
        ) from None
    except _FAULTS as error:
        raise BadInput(f"{where}: its pickled objects are damaged or cut short ({error}); fetch it again") from error
    return value.item() if isinstance(value, np.ndarray) and value.ndim == 0 else value


def _plain(value: Any, depth: int, done: dict[int, tuple[Any, Any]]) -> Any:
    """The value with arrays in place of what stood for them. done : id -> object that may recur, what was made of it"""
    if value is None or isinstance(value, str | bytes | bool | int | float | np.generic):
        return value
    if depth > MAX_DEPTH:
        raise BadInput(f"containers in one another to more than {MAX_DEPTH} levels")
    if id(value) in done:
        return done[id(value)][1]
    if isinstance(value, _Array) and value.values is not None:
        made: Any = value.values
        if made.dtype.hasobject:
            flat = made.reshape(-1)
            for place in range(flat.size):
                flat[place] = _plain(flat[place], depth + 1, done)
            made = flat.reshape(made.shape)
    elif isinstance(value, dict):
        made = {key: _plain(inner, depth + 1, done) for key, inner in value.items()}
    elif isinstance(value, list):
        made = [_plain(inner, depth + 1, done) for inner in value]
    elif isinstance(value, tuple):
        made = tuple(_plain(inner, depth + 1, done) for inner in value)
    elif isinstance(value, bytearray):
        made = bytes(value)
    else:
        raise BadInput(f"a {type(value).__name__.strip('_').lower()} by itself")
    done[id(value)] = value, made
    return made


class _Reader:
    """Follows the instructions of one pickle. file : that stands at its first byte"""

    def __init__(self, file: BinaryIO):
        self.file = file
        self.buffer, self.at = b"", 0
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def run(self) -> Any:
        steps, take = _STEPS, self.take
        while (code := take(1)) != b".":
            if code not in steps:
                raise BadInput(f"the instruction {code!r}")
            steps[code](self)
        (found,) = self.stack
        return found

    def take(self, size: int) -> bytes:
        """The next `size` bytes, read in pieces: a length that a file claims reserves no memory."""
        at, stop = self.at, self.at + size
        if stop <= len(self.buffer):
            self.at = stop
            return self.buffer[at:stop]
        parts = [self.buffer[at:]]
        left = size - len(parts[0])
        while left:
            self.buffer = self.file.read(_CHUNK)
            if not self.buffer:
                raise ValueError("it ends too early")
            self.at = min(left, len(self.buffer))
            parts.append(self.buffer[: self.at])
            left -= self.at
        return b"".join(parts)

    def number(self, form: str) -> Any:
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def line(self) -> str:
        found = bytearray()
        while (byte := self.take(1)) != b"\n":
            found += byte
            if len(found) > 200:
                raise ValueError("a name of more than 200 characters")
        return found.decode("utf-8")

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def items(self) -> list[Any]:
        """What lies above the last mark."""
        place = len(self.stack) - 1
        while not isinstance(self.stack[place], _Mark):
            place -= 1
            if place < 0:
                raise ValueError("it closes what was never opened")
        found = self.stack[place + 1 :]
        del self.stack[place:]
        return found

    def integer(self, size: int) -> None:
        if not 0 <= size <= MAX_INTEGER_BYTES:
            raise BadInput(f"a whole number of {size} bytes")
        self.push(int.from_bytes(self.take(size), "little", signed=True))

    def text(self, size: int) -> None:
        self.push(self.take(size).decode("utf-8", "surrogatepass"))

    def tuple_of(self, size: int) -> None:
        found = tuple(self.stack[len(self.stack) - size :])
        del self.stack[len(self.stack) - size :]
        if len(found) != size or any(isinstance(value, _Mark) for value in found):
            raise ValueError("a tuple lacks items")
        self.push(found)

    def extend(self, values: list[Any]) -> None:
        if not isinstance(self.stack[-1], list):
            raise BadInput("something that is filled like a list and is none")
        self.stack[-1].extend(values)

    def set_items(self, values: list[Any]) -> None:
        held = self.stack[-1]
        keys = values[::2]
        if type(held) is not dict or not all(isinstance(key, str | bytes | int | float | np.generic) for key in keys):
            raise BadInput("a dictionary whose keys are neither text nor numbers")
        held.update(zip(keys, values[1::2], strict=True))

    def find(self, module: Any, name: Any) -> None:
        wanted = f"{module}.{name}".replace("numpy._core.", "numpy.core.").replace("__builtin__.", "builtins.")
        if wanted not in _NAMES:
            raise BadInput(f"the name {wanted[:80]!r}")
        self.push(_NAMES[wanted])

    def call(self) -> None:
        arguments, known = self.stack.pop(), self.stack.pop()
        if not isinstance(known, _Known) or not isinstance(arguments, tuple):
            raise BadInput("a call of what is no constructor of numpy's")
        self.push(_made(known, arguments))

    def build(self) -> None:
        state = self.stack.pop()
        if not isinstance(self.stack[-1], _Array | _Dtype) or not isinstance(state, tuple):
            raise BadInput("a state for what is no array")
        self.stack[-1].build(state)


def _made(known: _Known, arguments: tuple) -> Any:
    """What numpy's own constructor would make of these arguments."""
    if known is _Known.RECONSTRUCT and arguments[0] is _Known.ARRAY:
        return _Array()
    if known is _Known.DTYPE and isinstance(arguments[0], str):
        return _Dtype(arguments[0])
    if known is _Known.ENCODE and len(arguments) == 2 and arguments[1] in ("latin1", "latin-1"):
        return arguments[0].encode("latin1")
    if known is _Known.BYTES and not arguments:
        return b""
    if known in (_Known.SCALAR, _Known.FROM_BUFFER):
        dtype, data = arguments[:2] if known is _Known.SCALAR else (arguments[1], arguments[0])
        if not isinstance(dtype, _Dtype) or dtype.spec[0] == "O":
            raise BadInput("a number without a plain dtype")
        array = _Array()
        if known is _Known.SCALAR:
            array.fill((), dtype, data, "C")
        else:
            shape, order = arguments[-2:]
            array.fill(shape, dtype, data, order)
        return array if array.values is None or known is _Known.FROM_BUFFER else array.values[()]
    raise BadInput(f"{known.value} with arguments that numpy doesn't write")


_NAMES = {known.value: known for known in _Known}
_STEPS: dict[bytes, Any] = {
    b"\x80": lambda self: self.take(1),  # protocol
    b"\x95": lambda self: self.take(8),  # frame
    b"(": lambda self: self.push(_Mark()),
    b"0": lambda self: self.stack.pop(),
    b"1": lambda self: self.items(),
    b"2": lambda self: self.push(self.stack[-1]),
    b"N": lambda self: self.push(None),
    b"\x88": lambda self: self.push(True),
    b"\x89": lambda self: self.push(False),
    b"J": lambda self: self.push(self.number("<i")),
    b"K": lambda self: self.push(self.number("<B")),
    b"M": lambda self: self.push(self.number("<H")),
    b"\x8a": lambda self: self.integer(self.number("<B")),
    b"\x8b": lambda self: self.integer(self.number("<i")),
    b"G": lambda self: self.push(self.number(">d")),
    b"X": lambda self: self.text(self.number("<I")),
    b"\x8c": lambda self: self.text(self.number("<B")),
    b"\x8d": lambda self: self.text(self.number("<Q")),
    b"U": lambda self: self.push(self.take(self.number("<B")).decode("latin1")),  # text of Python 2
    b"T": lambda self: self.push(self.take(self.number("<I")).decode("latin1")),
    b"C": lambda self: self.push(self.take(self.number("<B"))),
    b"B": lambda self: self.push(self.take(self.number("<I"))),
    b"\x8e": lambda self: self.push(self.take(self.number("<Q"))),
    b"\x96": lambda self: self.push(bytearray(self.take(self.number("<Q")))),
    b"}": lambda self: self.push({}),
    b"]": lambda self: self.push([]),
    b")": lambda self: self.push(()),
    b"\x85": lambda self: self.tuple_of(1),
    b"\x86": lambda self: self.tuple_of(2),
    b"\x87": lambda self: self.tuple_of(3),
    b"t": lambda self: self.push(tuple(self.items())),
    b"a": lambda self: self.extend([self.stack.pop()]),
    b"e": lambda self: self.extend(self.items()),
    b"s": lambda self: self.set_items([self.stack.pop(-2), self.stack.pop()]),
    b"u": lambda self: self.set_items(self.items()),
    b"c": lambda self: self.find(self.line(), self.line()),
    b"\x93": lambda self: self.find(self.stack.pop(-2), self.stack.pop()),
    b"R": lambda self: self.call(),
    b"b": lambda self: self.build(),
    b"q": lambda self: self.memo.__setitem__(self.number("<B"), self.stack[-1]),
    b"r": lambda self: self.memo.__setitem__(self.number("<I"), self.stack[-1]),
    b"\x94": lambda self: self.memo.__setitem__(len(self.memo), self.stack[-1]),
    b"h": lambda self: self.push(self.memo[self.number("<B")]),
    b"j": lambda self: self.push(self.memo[self.number("<I")]),
}
