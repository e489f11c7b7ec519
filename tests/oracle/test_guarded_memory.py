"""Guard zones by themselves: a write beside an array is found by the pattern alone, wherever the array lies."""

import pytest
from cffi import FFI

from grusym.oracle.targets.guarded_memory import DECLARATIONS, GUARD, HIGH, LOW, ODD, PAGE, PATTERNS, Memory

COUNT, ITEM = 10, 4


@pytest.fixture(scope="module")
def memory():
    ffi = FFI()
    ffi.cdef(DECLARATIONS)
    return Memory(ffi, ffi.dlopen(None))


def placed(memory, where, content=None, number=0):
    zones = list(memory.zones([(COUNT * ITEM, ITEM)] * (number + 1)))
    return zones[number].place(COUNT * ITEM, ITEM, where, content)


@pytest.mark.parametrize(
    ("where", "beyond"), [(LOW, 1), (LOW, 7), (ODD, 1), (ODD, -1), (HIGH, -1), (HIGH, -5), (ODD, 1000)]
)
def test_a_write_beside_an_array_is_found(memory, where, beyond):
    array = placed(memory, where)
    assert array.touched() is None
    first = array.start + (COUNT + beyond - 1 if beyond > 0 else beyond) * ITEM
    array._data[first + ITEM - 1] ^= 1  # one bit
    assert array.touched() == beyond
    assert placed(memory, where).touched() is None


@pytest.mark.parametrize("where", [LOW, HIGH, ODD])
def test_an_array_is_where_it_is_said_to_be(memory, where):
    array = placed(memory, where, bytes(range(COUNT * ITEM)))
    zone = array.zone
    offset = {LOW: 0, HIGH: PAGE - COUNT * ITEM, ODD: ITEM}[where]
    assert array.address - zone.address == offset
    assert bytes(array.inside) == bytes(range(COUNT * ITEM))
    end = array.address + COUNT * ITEM
    assert [array.beyond(at) for at in (array.address, end - 1)] == [None, None]
    assert (array.beyond(array.address - 1), array.beyond(end), array.beyond(end + ITEM)) == (-1, 1, 2)
    assert (array.beyond(zone.address - GUARD - 1), array.beyond(zone.address + zone.size + GUARD)) == (None, None)


@pytest.mark.parametrize("itemsize", sorted(PATTERNS))
def test_what_was_not_written_is_found_at_its_element(memory, itemsize):
    (zone,) = memory.zones([(5 * itemsize, itemsize)])
    array = zone.place(5 * itemsize, itemsize, LOW, None)
    assert array.unwritten() == 0
    array.inside[: 3 * itemsize] = bytes(3 * itemsize)
    assert array.unwritten() == 3
    array.inside[3 * itemsize :] = b"".join([b"\1" * (itemsize // 2), PATTERNS[itemsize], b"\1" * (itemsize // 2)])
    assert array.unwritten() is None  # the pattern's bytes, but across two elements


def test_arrays_have_pages_of_their_own_and_larger_ones_more(memory):
    first, second = placed(memory, LOW, number=1).zone, placed(memory, LOW).zone
    assert first is not second
    (large,) = memory.zones([(5 * PAGE, ITEM)])
    assert large.size == 8 * PAGE
