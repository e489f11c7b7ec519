"""Comparisons: the known numbers of GRU and LSTM, and memory as a kernel really takes it."""

import pytest

from grusym.emit.comparison_view import comparison_text
from grusym.equations.axis import TIME
from grusym.equations.library import BUILT_IN
from grusym.errors import InputError
from grusym.lower.compare import compare
from grusym.lower.ir import Kind
from grusym.runtime.kernel import build
from grusym.verify.problem import problem, some_sizes

SIZES = {"T": 7, "B": 3, "I": 5, "H": 4}


def column(cell: str, sizes=None, dtype="float32", convention=None) -> dict[tuple[str, str], object]:
    """The first cell's quantities, of a comparison with itself."""
    rows = compare([cell, cell], convention, dtype, sizes).rows
    return {(row.group, row.name): (row.values if sizes else row.expressions)[0] for row in rows}


@pytest.mark.parametrize(("cell", "gates"), [("gru", 3), ("lstm", 4), ("rnn", 1)])
def test_parameters_and_products_are_those_of_the_textbook(cell, gates):
    inputs, hidden = SIZES["I"], SIZES["H"]
    found = column(cell, SIZES)
    assert found["", "parameters"] == gates * (hidden * inputs + hidden * hidden + 2 * hidden)
    products = gates * hidden * (inputs + hidden)
    assert found["forward, per step and sample", "multiply-adds"] == products
    assert found["backward, per step and sample", "multiply-adds"] == 2 * products  # by a weight, and for a weight


def test_parameters_are_as_many_as_pytorch_has():
    torch = pytest.importorskip("torch")
    for cell, module in (("gru", torch.nn.GRU), ("lstm", torch.nn.LSTM), ("rnn", torch.nn.RNN)):
        count = sum(array.numel() for array in module(5, 4).parameters())
        assert column(cell, SIZES, convention="torch")["", "parameters"] == count


def test_bytes_per_step_count_every_array_once():
    inputs, hidden, batch = SIZES["I"], SIZES["H"], SIZES["B"]
    gru, lstm = column("gru", SIZES, "float64"), column("lstm", SIZES, "float64")
    weights = 3 * (hidden * inputs + hidden * hidden + 2 * hidden)
    group = "bytes per step of B samples"
    assert gru[group, "inference"] == 8 * (weights + batch * (inputs + 2 * hidden))  # x, h read, h' written
    assert gru[group, "training"] == gru[group, "inference"] + 8 * batch * 5 * hidden  # h, r, z, u, n
    assert lstm[group, "inference"] == 8 * (4 * weights // 3 + batch * (inputs + 4 * hidden))  # c and c' as well


@pytest.mark.parametrize("cell", BUILT_IN)
def test_memory_is_what_a_kernel_takes(cell):
    kernel = build(cell, target="numpy", dtype="float64")
    (*_, sizes) = some_sizes([symbol.name for symbol in kernel.lowered.layer.sizes], 2, 0)
    given = problem(kernel.lowered, sizes, "float64", 0).arrays
    given_to = kernel.lowered.forward.of_kind(Kind.INPUT)
    inputs, initial = ([b.name for b in given_to if over_time(b) is known] for known in (True, False))
    params = {buffer.name: given[buffer.name] for buffer in kernel.lowered.forward.of_kind(Kind.PARAMETER)}
    tape = kernel.forward({name: given[name] for name in inputs}, {name: given[name] for name in initial}, params)
    found = column(cell, sizes, "float64")
    assert found["bytes of memory", "parameters"] == sum(array.nbytes for array in params.values())
    assert found["bytes of memory", "saved for the backward pass"] == sum(a.nbytes for a in tape.saved.values())


def over_time(buffer) -> bool:
    return buffer.shape[0] == TIME.extent


def test_ratios_stand_where_they_are_the_same_for_all_sizes():
    lines = comparison_text(compare(["gru", "lstm"], "torch")).splitlines()
    (multiply_adds, _), (flops, _) = (
        [line for line in lines if name in line] for name in ("multiply-adds", "floating")
    )
    assert multiply_adds.endswith("  4/3")
    assert flops.endswith(")")
    assert lines[-1] == "Bytes as float32, parameters in convention torch."


def test_numbers_follow_the_expressions():
    comparison = compare(["gru", "lstm", "rnn"], sizes=SIZES)
    for row in comparison.rows:
        for expression, value in zip(row.expressions, row.values, strict=True):
            assert expression.subs({symbol: SIZES[symbol.name] for symbol in expression.free_symbols}) == value
    saved = {"gru": 5 * 7 + 1, "lstm": 7 * 7 + 2, "rnn": 7 + 1}  # per sample and unit: values of every step, and h0
    ratios = [f"{saved[name] / saved['gru']:.3g}" for name in ("lstm", "rnn")]
    assert comparison_text(comparison).splitlines()[-1].split()[-2:] == ratios


@pytest.mark.parametrize(
    ("cells", "options", "message"),
    [
        (["gru"], {}, "two cells or more"),
        (["gru", "lstm"], {"sizes": {"X": 1}}, "no cell here has a size 'X'; the sizes are T, B, I, H"),
        (["gru", "lstm"], {"sizes": {"I": 1}}, "H is missing"),
        (["gru", "lstm"], {"sizes": {"I": 0, "H": 1}}, "the size I is 0"),
        (
            ["convgru", "coordconvgru"],
            {"sizes": dict.fromkeys("DHPKL", 2) | {"Q": 1}},
            "Q is 1, but the equations divide by Q - 1, which then has no value; the axis Q needs at least 2 elements",
        ),
        (["gru", "lstm"], {"dtype": "int8"}, "unknown dtype 'int8'; choose float32 or float64"),
        (["gru", "mgu"], {"convention": "torch"}, "no packing for the cell mgu"),
    ],
)
def test_what_cannot_be_compared_is_said(cells, options, message):
    with pytest.raises(InputError, match=message.replace("(", r"\(")):
        compare(cells, **options)
