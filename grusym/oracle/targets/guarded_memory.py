"""Arrays between guard zones, for code that is not trusted with them: no access beyond either end stays unseen.

An array lies in pages of its own, between pages that no one may touch. What is left of its pages is filled with a
pattern, as is the array itself where it is to be written: a not-a-number whose bits no computation gives by itself.
"""

import mmap
from collections.abc import Iterator
from typing import Any

DECLARATIONS = "int mprotect(void *address, size_t length, int protection);"
PAGE = mmap.PAGESIZE
GUARD = 16 * PAGE  # before and behind: they cost addresses, no memory
NO_ACCESS = 0

# Where an array begins: right behind a guard page, right before one as its end allows, one element behind one.
LOW, HIGH, ODD = "low", "high", "odd"

PATTERNS = {
    2: (0x7E5A).to_bytes(2, "little"),
    4: (0x7FC5A5A5).to_bytes(4, "little"),
    8: (0x7FF85A5A5A5A5A5A).to_bytes(8, "little"),
}


class Zone:
    """The pages of one array."""

    def __init__(self, ffi: Any, library: Any, pages: int):
        self.size = pages * PAGE
        self._map = mmap.mmap(-1, self.size + 2 * GUARD, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        self._view = memoryview(self._map)
        first = int(ffi.cast("uintptr_t", ffi.from_buffer(self._map)))
        self.address = first + GUARD
        for guard in (first, self.address + self.size):
            if library.mprotect(ffi.cast("void *", guard), GUARD, NO_ACCESS) != 0:
                raise OSError("mprotect refused guard pages")
        self._data = self._view[GUARD : GUARD + self.size]
        self._filled = b""

    def place(self, nbytes: int, itemsize: int, where: str, content: bytes | None) -> "Placed":
        """An array of so many bytes here, with this content or the pattern."""
        pattern = PATTERNS[itemsize]
        if self._filled[:itemsize] != pattern or len(self._filled) != self.size:
            self._filled = pattern * (self.size // itemsize)
        self._data[:] = self._filled
        start = {LOW: 0, HIGH: self.size - nbytes, ODD: itemsize}[where]
        placed = Placed(self, self._data, self._filled, start, nbytes, itemsize)
        if content is not None:
            placed.inside[:] = content
        return placed


class Placed:
    """An array in its zone."""

    def __init__(self, zone: Zone, data: memoryview, filled: bytes, start: int, nbytes: int, itemsize: int):
        self.zone, self.start, self.end, self.itemsize = zone, start, start + nbytes, itemsize
        self.address = zone.address + start
        self.inside = data[start : self.end]
        self._data, self._filled = data, filled

    def touched(self) -> int | None:
        """An element outside that was written: -1 is the one before the first, 1 the one after the last."""
        after = _first_difference(self._data[self.end :], self._filled[self.end :])
        if after is not None:
            return after // self.itemsize + 1
        before = _first_difference(self._data[: self.start][::-1], self._filled[: self.start][::-1])
        return None if before is None else -(before // self.itemsize) - 1

    def unwritten(self) -> int | None:
        """An element that still is the pattern."""
        pattern, held = self._filled[: self.itemsize], bytes(self.inside)
        at = held.find(pattern)
        while at >= 0 and at % self.itemsize:
            at = held.find(pattern, at + 1)
        return None if at < 0 else at // self.itemsize

    def beyond(self, address: int) -> int | None:
        """Where an address is that is outside of this array and in its guard pages, as `touched` counts."""
        if self.address + self.end - self.start <= address < self.zone.address + self.zone.size + GUARD:
            return (address - self.address - (self.end - self.start)) // self.itemsize + 1
        if self.zone.address - GUARD <= address < self.address:
            return (address - self.address) // self.itemsize
        return None


class Memory:
    """Zones, kept for the next call."""

    def __init__(self, ffi: Any, library: Any):
        self._ffi, self._library = ffi, library
        self._zones: dict[tuple[int, int], Zone] = {}

    def zones(self, sizes: list[tuple[int, int]]) -> Iterator[Zone]:
        """A zone for each of these arrays of (bytes, bytes of an element), with room for one element more."""
        for number, (nbytes, itemsize) in enumerate(sizes):
            pages = -(-(nbytes + itemsize) // PAGE)
            key = (number, 1 << (pages - 1).bit_length())
            if key not in self._zones:
                self._zones[key] = Zone(self._ffi, self._library, key[1])
            yield self._zones[key]


def _first_difference(one: memoryview, other: bytes) -> int | None:
    if one == other:
        return None
    return next(place for place, (a, b) in enumerate(zip(one, other, strict=True)) if a != b)
