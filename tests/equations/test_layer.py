"""A layer: what it returns over time, its sizes, and names for its own indices."""

from grusym.equations.cell import Cell
from grusym.equations.layer import Layer
from grusym.equations.library import cell


def test_the_first_state_over_time_is_y():
    layer = Layer(cell("lstm"))
    assert [(series.name, series.tensor.name) for series in layer.series] == [("y", "h'")]
    assert [str(size) for size in layer.sizes] == ["T", "B", "I", "H"]
    assert [str(extent) for extent in layer.shape(layer.cell.states[0].tensor)] == ["B", "H"]


def test_named_outputs_take_the_place_of_y():
    text = "f(h[k]) -> p[k], h'[k], q  axes k: H\n p[k] = h[k]\n q = h[k] h[k]\n h'[k] = h[k]"
    assert [series.name for series in Layer(Cell.parse(text)).series] == ["p", "q"]


def test_time_and_batch_take_letters_that_are_free():
    assert (Layer(cell("gru")).time.name, Layer(cell("gru")).batch.name) == ("t", "b")
    busy = Layer(Cell.parse("f(h[t]) -> h'[t]  axes t: H\n b = h[t] h[t]\n s = b\n h'[t] = s h[t]"))
    assert (busy.time.name, busy.batch.name) == ("time", "sample")
    assert (str(busy.time.upper), str(busy.batch.upper)) == ("T - 1", "B - 1")
    axes = Layer(Cell.parse("f(h[k]) -> h'[k]  axes k: t  b: time\n h'[k] = h[k] sum[b](w[b])"))
    assert (axes.time.name, axes.batch.name) == ("time2", "s")
