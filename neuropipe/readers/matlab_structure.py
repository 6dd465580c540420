"""Checks how a MATLAB file (level 5) is built before scipy reads it: scipy crashes the process on some damaged files.

Every element says its kind and size. Here each size is held against what encloses it, and the number of elements that
the dimensions of a cell, struct, text or number array ask for against what is there. Format: MathWorks, MAT-File
Format (R2024a), chapter "Level 5 MAT-Files".
"""

import math
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

from neuropipe.errors import BadInput

HEADER = 128  # bytes of text, version and byte order
MATRIX, COMPRESSED = 14, 15
CELL, STRUCT, OBJECT, CHARACTERS, SPARSE = 1, 2, 3, 4, 5
LARGEST_CLASS = 18
COMPLEX = 0x800  # flag of an array
# Bytes of a number of each type of data; text in UTF-8 and UTF-16 and UTF-32 too.
BYTES = {1: 1, 2: 1, 3: 2, 4: 2, 5: 4, 6: 4, 7: 4, 9: 8, 12: 8, 13: 8, 16: 1, 17: 2, 18: 4}
DEEPEST = 60  # cells in cells
MOST_DIMENSIONS = 32  # that numpy and scipy know
PIECE = 1 << 20  # bytes that are unpacked at once


class _Damaged(Exception):
    """What is wrong with the file."""


def check_structure(path: Path, file: str) -> None:
    """Raise BadInput for a level 5 file whose elements don't fit into each other. file : what errors call it"""
    size = path.stat().st_size
    with path.open("rb") as opened:
        header = opened.read(HEADER)
        if len(header) < HEADER or header[126:] not in (b"IM", b"MI"):
            return  # of level 4, or no MATLAB file: scipy says so
        order = "<" if header[126:] == b"IM" else ">"
        at = HEADER
        try:
            while at < size:
                opened.seek(at)
                kind, length = _numbers(opened.read(8), order + "II")
                if at + 8 + length > size:
                    raise _Damaged(f"an element of {length:,} bytes lies in the last {size - at - 8:,} of the file")
                if kind == COMPRESSED:
                    _element(_Source(_unpacked(opened, length)), order, 0, None)
                elif kind == MATRIX:
                    opened.seek(at)
                    _element(_Source(_pieces(opened, length + 8)), order, 0, None)
                at += 8 + length
        except (_Damaged, zlib.error) as error:
            raise BadInput(f"{file} can't be read as a MATLAB file: {error}; copy it again") from None


class _Source:
    """Bytes in order, of which what is not looked at is left out a piece at a time."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._held, self._at = pieces, b"", 0

    def take(self, n: int) -> bytes:
        """The next n bytes."""
        parts, wanted = [], n
        for part in self._parts(n):
            parts.append(part)
            wanted -= len(part)
        return b"".join(parts)

    def skip(self, n: int) -> None:
        """Leave out n bytes."""
        for _ in self._parts(n):
            pass

    def _parts(self, n: int) -> Iterator[bytes]:
        while n > 0:
            if self._at == len(self._held):
                self._held, self._at = next(self._pieces, b""), 0
                if not self._held:
                    raise _Damaged("an element goes on after the end of its data")
            part = self._held[self._at : self._at + n]
            self._at += len(part)
            n -= len(part)
            yield part


def _pieces(opened, length: int) -> Iterator[bytes]:
    while length > 0 and (piece := opened.read(min(length, PIECE))):
        length -= len(piece)
        yield piece


def _unpacked(opened, length: int) -> Iterator[bytes]:
    unpacker = zlib.decompressobj()
    for packed in _pieces(opened, length):
        waiting = packed
        while waiting and not unpacker.eof:
            piece = unpacker.decompress(waiting, PIECE)
            waiting = unpacker.unconsumed_tail
            if piece:
                yield piece
            elif not waiting:
                break
    while piece := unpacker.decompress(unpacker.unconsumed_tail, PIECE):
        yield piece


def _numbers(data: bytes, form: str) -> tuple:
    if len(data) != struct.calcsize(form):
        raise _Damaged("the head of an element is cut short")
    return struct.unpack(form, data)


def _head(source: _Source, order: str) -> tuple[int, int, bytes | None, int]:
    """Type, bytes of data, the data where they stand in the head, and bytes of the whole element, padding included."""
    data = source.take(8)
    (word,) = _numbers(data[:4], order + "I")
    if word >> 16:
        length = word >> 16
        if length > 4:
            raise _Damaged(f"a small element claims {length:,} bytes")
        return word & 0xFFFF, length, data[4 : 4 + length], 8
    (length,) = _numbers(data[4:], order + "I")
    return word, length, None, 8 + -(-length // 8) * 8


def _small(source: _Source, order: str, left: int, what: str, most: int) -> tuple[int, bytes, int]:
    """Type and data of a short element, and the bytes that are left after it."""
    kind, length, data, whole = _head(source, order)
    if whole > left or length > most:
        raise _Damaged(f"{what} of {length:,} bytes lies in {left:,}")
    if data is None:
        data = source.take(whole - 8)[:length]
    return kind, data, left - whole


def _element(source: _Source, order: str, depth: int, left: int | None) -> int:
    """Check an array; the bytes of the whole of it. left : of what encloses it"""
    kind, length, _, _ = _head(source, order)
    if kind != MATRIX:
        raise _Damaged(f"an element of type {kind} stands where an array is due")
    if left is not None and 8 + length > left:
        raise _Damaged(f"an array of {length:,} bytes lies in {left:,}")
    if depth > DEEPEST:
        raise _Damaged("arrays lie in each other too deep")
    if length:
        rest = _array(source, order, depth, length)
        source.skip(rest)
    return 8 + length


def _array(source: _Source, order: str, depth: int, left: int) -> int:
    """Check the content of an array of `left` bytes; the bytes that are left."""
    _, flags, left = _small(source, order, left, "the kind of an array", 8)
    (word,) = _numbers(flags[:4], order + "I")
    kind, parts = word & 0xFF, 2 if word & COMPLEX else 1
    if not 1 <= kind <= LARGEST_CLASS:
        raise _Damaged(f"an array is of kind {kind}, which there is not")
    if kind > 15:
        return left  # function handles and objects, which scipy leaves opaque
    _, sizes, left = _small(source, order, left, "the size of an array", 4 * MOST_DIMENSIONS)
    shape = _numbers(sizes, f"{order}{len(sizes) // 4}i")
    if not shape or min(shape) < 0:
        raise _Damaged(f"an array has the size {shape}")
    n = math.prod(shape)
    _, _, left = _small(source, order, left, "the name of an array", 4096)
    if kind in (CELL, STRUCT, OBJECT):
        return _arrays(source, order, depth, left, kind, n)
    if kind == SPARSE:
        for _ in range(2 + parts):  # rows, columns, values
            left, _ = _data(source, order, left)
        return left
    for _ in range(parts if kind != CHARACTERS else 1):
        left, most = _data(source, order, left)
        if n > most:
            raise _Damaged(f"an array of {n:,} numbers or characters has data for {most:,}")
    return left


def _data(source: _Source, order: str, left: int) -> tuple[int, int]:
    """Pass over the data of an array; the bytes that are left, and the most numbers that the data can be."""
    kind, length, _, whole = _head(source, order)
    if whole > left:
        raise _Damaged(f"data of {length:,} bytes lie in {left:,}")
    if kind not in BYTES:
        raise _Damaged(f"data are of type {kind}, which there is not")
    source.skip(whole - 8)
    return left - whole, length // BYTES[kind]


def _arrays(source: _Source, order: str, depth: int, left: int, kind: int, n: int) -> int:
    """Check the arrays in a cell array or struct."""
    if kind == OBJECT:
        _, _, left = _small(source, order, left, "the name of a class", 4096)
    if kind != CELL:
        _, widths, left = _small(source, order, left, "the length of names", 4)
        width = _numbers(widths, order + "i")[0]
        _, names, left = _small(source, order, left, "names", 1 << 20)
        if width <= 0 or len(names) % width:
            raise _Damaged("the names of a struct don't fit their length")
        n *= len(names) // width
    if 8 * n > left:
        raise _Damaged(f"{n:,} arrays lie in {left:,} bytes")
    for _ in range(n):
        left -= _element(source, order, depth + 1, left)
    return left
