"""Costs: known numbers, and operations counted while they are carried out."""

import math
from collections import Counter

import numpy as np
import pytest
from sympy import Idx, Integer, Symbol

from grusym.calculus.program import Guard
from grusym.equations.axis import Axis
from grusym.equations.functions import NAMES
from grusym.equations.tensor import access
from grusym.lower.cost import cost, describe
from grusym.lower.ir import Assign, Buffer, Kernel, Kind, Loop, Statement, WhenSaving
from tests.lower.layers import ALL, TEXTS, lowered, some_sizes
from tests.lower.one_by_one import FUNCTIONS, OneByOne, shape_of

T, B, I, H = (Axis(name).extent for name in "TBIH")
i, j = Idx("i", H), Idx("j", I)


class Counting:
    """A number that notes what is done to it; a constant is a plain number, and constants are free."""

    def __init__(self, value, tally):
        self.value, self.tally = float(value), tally

    def noted(self, name, value, times=1):
        self.tally[name] += times
        return Counting(value, self.tally)

    def __add__(self, other):
        return self.noted("adds", self.value + float(other))

    __radd__ = __add__

    def __sub__(self, other):
        return self.noted("adds", self.value - float(other))

    def __rsub__(self, other):
        return self.noted("adds", float(other) - self.value)

    def __neg__(self):
        return Counting(-self.value, self.tally)

    def __mul__(self, other):
        return self.noted("multiplies", self.value * float(other))

    __rmul__ = __mul__

    def __truediv__(self, other):
        # By a constant it is the product with a constant, which is computed once.
        return self.noted("divisions" if isinstance(other, Counting) else "multiplies", self.value / float(other))

    def __rtruediv__(self, other):
        return self.noted("divisions", float(other) / self.value)

    def __pow__(self, power):
        if not isinstance(power, int):
            return self.noted("pow", self.value**power)
        self.tally["multiplies"] += abs(power) - 1
        return self.noted("divisions", self.value**power, int(power < 0))

    def __float__(self):
        return self.value


def counting_functions(tally):
    def function(name):
        def evaluate(*arguments):
            value = FUNCTIONS[name](*map(float, arguments))
            counting = any(isinstance(argument, Counting) for argument in arguments)
            return Counting(value, tally).noted(python_names[name], value) if counting else value

        return evaluate

    python_names = {function.__name__: name for function, name in NAMES.items()}
    return {name: function(name) for name in python_names}


def counted(kernel: Kernel, sizes: dict[str, int], saving: bool) -> tuple[Counter, Counter, Counter]:
    """Operations, and loads and stores by kind, of a run that is watched."""
    tally: Counter[str] = Counter()
    fill = np.random.default_rng(0)
    arrays = {b.name: np.empty(shape_of(b.shape, sizes), dtype=object) for b in kernel.buffers}
    for array in arrays.values():
        for where in np.ndindex(array.shape):
            array[where] = Counting(fill.uniform(0.1, 0.9), tally)
    machine = OneByOne(kernel, sizes, arrays, counting_functions(tally), lambda index: Counting(index, tally))
    machine.body(kernel.body, {}, saving)
    kinds = {b.name: b.kind for b in kernel.buffers}
    by_kind = [Counter(), Counter()]
    for total, accessed in zip(by_kind, (machine.reads, machine.writes), strict=True):
        for name, number in accessed.items():
            total[kinds[name]] += number
    return Counter({n: number for n, number in tally.items() if number}), *by_kind


def at(expression, sizes):
    return int(expression.subs({symbol: sizes[symbol.name] for symbol in expression.free_symbols}))


# A guarded term counts as if its guard held, so what a run counts is less.
GUARDED = {"strided", "scatter into the input", "scatter into the state", "stride of a symbol", "conv.cell"}
GUARDED |= {"position_gate.cell"}


@pytest.mark.parametrize("saving", [True, False])
@pytest.mark.parametrize("name", [name for name in ALL if name not in GUARDED])
def test_what_is_counted_is_what_is_done(name, saving):
    layer = lowered(name)
    sizes = some_sizes(layer.forward, 2, 1, 2, 3, 2)
    for kernel in (layer.forward, layer.backward):
        said = cost(kernel, saving)
        operations, reads, writes = counted(kernel, sizes, saving)
        multiply_adds = at(said.multiply_adds, sizes)
        expected = {n: at(number, sizes) for n, number in said.functions.items()}
        expected |= {
            "adds": at(said.adds, sizes) + multiply_adds,
            "multiplies": at(said.multiplies, sizes) + multiply_adds,
        }
        expected |= {"divisions": at(said.divisions, sizes)}
        assert {n: number for n, number in expected.items() if number} == operations
        assert {kind: at(number, sizes) for kind, number in said.loads.items()} == reads
        assert {kind: at(number, sizes) for kind, number in said.stores.items()} == writes


@pytest.mark.parametrize(("name", "blocks"), [("gru", 3), ("gru:reset=before", 3), ("lstm", 4), ("rnn", 1)])
def test_the_known_numbers_of_a_layer(name, blocks):
    layer = lowered(name)
    ahead, back = cost(layer.forward), cost(layer.backward)
    assert ahead.multiply_adds.equals(T * B * blocks * H * (I + H))
    assert back.multiply_adds.equals(2 * T * B * blocks * H * (I + H))
    for biases, number in {"two": 2, "one": 1, "none": 0}.items():
        with_biases = f"{name}{',' if ':' in name else ':'}biases={biases}"
        assert cost(lowered(with_biases).forward).parameters.equals(blocks * H * (I + H + number))


def test_the_functions_of_a_gru():
    assert cost(lowered("gru").forward).functions == {"sigmoid": 2 * B * H * T, "tanh": B * H * T}
    assert cost(lowered("gru").backward).functions == {}


def test_saving_costs_memory_and_traffic_and_no_operations():
    kernel = lowered("gru").forward
    with_tape, without = cost(kernel), cost(kernel, saving=False)
    assert with_tape.saved.equals(B * H * (5 * T + 1))
    assert with_tape.stores[Kind.SAVED].equals(with_tape.saved)
    assert without.saved == 0
    assert Kind.SAVED not in without.stores
    assert with_tape.flops == without.flops


def test_the_flops_of_an_rnn():
    assert cost(lowered("rnn").forward).flops.equals(T * B * (2 * H * (H + I) + 3 * H))


def kernel(*body: Statement) -> Kernel:
    buffers = (
        Buffer("x", (H,), Kind.INPUT),
        Buffer("m", (H, I), Kind.PARAMETER),
        Buffer("y", (H,), Kind.OUTPUT),
        Buffer("a", (), Kind.SCALAR),
    )
    return Kernel("forward", (T, B, I, H), buffers, (), body)


x, y, m, a = access("x", (i,)), access("y", (i,)), access("m", (i, j)), access("a", ())
# (adds, multiplies, divisions, multiply-adds) at each of H points, or of H I.
VALUES = {
    "a copy": (Assign(y, x, (i,)), (0, 0, 0, 0)),
    "a sign": (Assign(y, -x, (i,)), (0, 0, 0, 0)),
    "a difference": (Assign(y, 1 - x, (i,)), (1, 0, 0, 0)),
    "a constant factor": (Assign(y, x / 3, (i,)), (0, 1, 0, 0)),
    "a constant of the sizes": (Assign(y, (2 * H - 1) / H + x, (i,)), (1, 0, 0, 0)),
    "a cube": (Assign(y, x**3, (i,)), (0, 2, 0, 0)),
    "a reciprocal": (Assign(y, 1 / x, (i,)), (0, 0, 1, 0)),
    "a quotient": (Assign(y, 2 * x / (y * (1 + x) ** 2), (i,)), (1, 3, 1, 0)),
    "a repeated part": (Assign(y, (1 - x) * y / (1 - x**2), (i,)), (2, 2, 1, 0)),
    "an accumulation": (Assign(y, x, (i,), accumulate=True), (1, 0, 0, 0)),
    "an accumulated product": (Assign(y, x * x + x, (i,), accumulate=True), (1, 0, 0, 1)),
    "an accumulated quotient": (Assign(y, x / (1 + x), (i,), accumulate=True), (2, 0, 1, 0)),
    "nothing added": (Assign(y, Integer(0), (i,), accumulate=True), (0, 0, 0, 0)),
    "a product of three, summed": (Assign(y, x * m * 2, (i,), (j,)), (0, I, 0, I)),
    "a guarded sum": (Assign(y, m, (i,), (j,), (Guard(j, H),)), (I, 0, 0, 0)),
}


@pytest.mark.parametrize("statement", VALUES)
def test_one_statement(statement):
    assign, (adds, multiplies, divisions, multiply_adds) = VALUES[statement]
    said = cost(kernel(assign))
    assert (said.adds, said.multiplies, said.divisions, said.multiply_adds) == tuple(
        H * number for number in (adds, multiplies, divisions, multiply_adds)
    )


def test_loops_and_conditions_multiply():
    t = Idx("t", T)
    nested = kernel(Loop(t, (WhenSaving((Loop(i, (Assign(y, x * x),)),)),)))
    assert cost(nested).multiplies == H * T
    assert cost(nested, saving=False).multiplies == 0
    assert cost(nested, saving=False).loads == {}


def test_local_variables_live_in_registers():
    said = cost(kernel(Loop(i, (Assign(a, x), Assign(y, a * a)))))
    assert (said.loads, said.stores) == ({Kind.INPUT: H}, {Kind.OUTPUT: H})


def test_a_power_that_is_not_whole_is_a_function():
    assert cost(kernel(Assign(y, x ** Symbol("p", positive=True, integer=True), (i,)))).functions == {"pow": H}
    assert cost(kernel(Assign(y, x ** (Integer(1) / 3), (i,)))).functions == {"pow": H}


def test_an_unknown_value_is_refused_by_its_type():
    from sympy import sinh

    with pytest.raises(TypeError, match=r"^the cost of sinh is not known: sinh\(x\[i\]\)$"):
        cost(kernel(Assign(y, sinh(x), (i,))))


def test_it_reads_well():
    layer = lowered("gru", "torch")
    assert describe(cost(layer.forward)) == [
        "per step and sample: 3*H*(H + I) multiply-adds, 11*H adds, 3*H multiplies, 2*H sigmoid, H tanh",
        "elements: 3*H*(H + I + 2) parameters, B*H*(5*T + 1) saved, 15*B*H workspace",
    ]
    assert describe(cost(layer.backward))[0] == (
        "per step and sample: 6*H*(H + I) multiply-adds, 13*H adds, 11*H multiplies"
    )
    twice = Assign(y, 2 * x, (i,))
    assert describe(cost(kernel(twice, Loop(Idx("t", T), (twice,))))) == [
        "besides, per call: H*(T + 1) multiplies",
        "elements: H*I parameters",
    ]


@pytest.mark.parametrize("name", [*TEXTS, "lstm"])
def test_every_line_is_short(name):
    for each in (lowered(name).forward, lowered(name).backward):
        assert all(len(line) <= 200 for line in describe(cost(each)))


def test_the_counting_type_counts():
    tally = Counter()
    number = Counting(2, tally)
    result = -(1 - number * number / 4) + 2 / number**2
    assert math.isclose(float(result), 0.5)
    assert tally == {"multiplies": 3, "adds": 2, "divisions": 1}
