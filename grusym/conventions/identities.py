"""What leaves a cell the same function: reparametrisations of its tensors from one form to another.

What is particular to a family stands in the tables: which tensors are negated to turn the polarity of an update gate
(sigmoid(-a) = 1 - sigmoid(a)), which tensor holds what `forget` adds, which gate resets the state. All else is read off
the equations: biases that stand in one sum fold into one, and a parameter that the other form lacks, or has besides, is
zero.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from sympy import Expr, Integer

from grusym.conventions.packing import numbers
from grusym.equations.cell import Cell
from grusym.equations.library import cell as cell_by_name
from grusym.equations.library import settings_of
from grusym.equations.tensor import accesses, indices_of, tensor_of
from grusym.errors import InputError

Tensors = dict[str, Any]

NEGATED = {
    "gru": ("W_z", "U_z", "b_z", "c_z"),
    "convgru": ("W_z", "U_z", "b_z", "c_z"),
    "lngru": ("g_z", "k_z", "b_z", "c_z"),  # the gains: a normalised product changes its sign with them
}
SHIFTED = {"lstm": "b_f"}
RESET = {"gru": "r", "augru": "r", "mgu": "f"}
THEOREM = (
    "reset=before and reset=after are different functions: inside tanh, before_i - after_i = sum_j U_n[i,j] "
    "({0}_j - {0}_i) h_j + c_n[i] (1 - {0}_i), which is always 0 only where U_n is diagonal (as for H = 1) and c_n is 0"
)


def exact_options(family: str) -> set[str]:
    """The options of a family between whose values its parameters can be moved, for some values of them at least."""
    own = (("update", set(NEGATED)), ("forget", set(SHIFTED)))
    return {"biases", "peephole", *(option for option, families in own if family in families)}


def reparametrised(tensors: Mapping[str, Any], origin: Cell, goal: Cell, sizes: Mapping[str, int]) -> Tensors:
    """The tensors of `goal` that compute what `tensors` do in `origin`, a cell of the same family.

    Raises InputError, saying why, where there are none for these values.
    """
    found, old, new = dict(tensors), settings_of(origin), settings_of(goal)
    family, moved = origin.name, {}
    if old.get("reset") != new.get("reset"):
        moved["reset"] = new["reset"]
        _reset(found, origin)
    if old.get("update") != new.get("update"):
        moved["update"] = new["update"]
        if family not in NEGATED:
            raise InputError(f"update={old['update']} and update={new['update']} of {family} are different functions")
        found |= {name: -found[name] for name in NEGATED[family] if name in found}
    if old.get("forget") == new.get("forget"):
        return _embedded(found, cell_by_name(family, **old | moved), goal, sizes)
    shift = int(old["forget"]) - int(new["forget"])
    if SHIFTED[family] in found:
        moved["forget"] = new["forget"]
        return _embedded(_shifted(found, family, shift), cell_by_name(family, **old | moved), goal, sizes)
    before = cell_by_name(family, **new | {"forget": old["forget"]})
    return _shifted(_embedded(found, cell_by_name(family, **old | moved), before, sizes), family, shift)


def _reset(tensors: Tensors, origin: Cell) -> None:
    """Make sure that it makes no difference whether the reset gate acts before or after, for these values."""
    import numpy as np

    if origin.name not in RESET:
        raise InputError(f"reset=before and reset=after of {origin.name} are different functions")
    if settings_of(origin)["reset"] == "before" and "c_n" in tensors:
        tensors["b_n"] = _sum(tensors["b_n"], tensors["c_n"])
        tensors["c_n"] = tensors["c_n"] * 0
    matrix = np.array(tensors["U_n"])
    np.fill_diagonal(matrix, 0)
    for name, array in (("U_n", matrix), ("c_n", np.asarray(tensors.get("c_n", 0)))):
        where = _nonzero(name, array)
        if where:
            raise InputError(f"{THEOREM.format(RESET[origin.name])}; here {where}")


def _shifted(tensors: Tensors, family: str, shift: int) -> Tensors:
    """The tensors where what `forget` adds is moved into the bias of the forget gate."""
    name = SHIFTED[family]
    if name not in tensors:
        raise InputError(
            f"forget differs, and with biases=none there is no {name} that could hold the difference of {shift:+d}"
        )
    return tensors | {name: tensors[name] + tensors[name].dtype.type(shift)}


def _embedded(tensors: Tensors, middle: Cell, goal: Cell, sizes: Mapping[str, int]) -> Tensors:
    """From one form to another that has more parameters, or fewer, and is the same function where those are zero."""
    import numpy as np

    kept = [tensor.name for tensor in middle.parameters]
    there = {tensor.name: tensor for tensor in goal.parameters}
    options = ", ".join(f"{k}={v}" for k, v in settings_of(goal).items() if settings_of(middle)[k] != v)
    missing = sorted((name for name in kept if name not in there), reverse=True)  # recurrent biases before the others
    added = [name for name in there if name not in kept]
    if not _same_equations(middle, goal, missing, added):
        old, new, movable = settings_of(middle), settings_of(goal), exact_options(middle.name)
        for key in (key for key in old if old[key] != new[key] and key not in movable):
            raise InputError(f"{key}={old[key]} and {key}={new[key]} of {middle.name} are different functions")
        raise InputError(f"{middle.spelling} and {goal.spelling} are different functions")
    found = dict(tensors)
    for name in missing:
        kept.remove(name)
        twin = _twin(middle, name, [*(k for k in kept if k in there), *kept])
        array = found.pop(name)
        if twin:
            found[twin] = _sum(found[twin], array)
            continue
        where = _nonzero(name, array)
        if where:
            raise InputError(
                f"{options} has no place for {name}, which in the equations is in no sum with another bias, so that it "
                f"does not fold into one; here {where}"
            )
    dtype = np.result_type(*tensors.values())
    found |= {name: np.zeros(numbers(there[name].shape, sizes), dtype) for name in added}
    return {name: found[name] for name in there}


def _sum(bias: Any, other: Any) -> Any:
    """Two biases as one, which is the first bit by bit where the other is zero."""
    import numpy as np

    return np.where(other == 0, bias, bias + other)


def _nonzero(name: str, array: Any) -> str:
    """The first element that is not zero, in words; empty where there is none."""
    import numpy as np

    where = np.argwhere(array != 0)
    if not len(where):
        return ""
    at = tuple(map(int, where[0]))
    return f"{name}[{', '.join(map(str, at))}] is {array[at]!s}"


@cache
def _values(cell: Cell) -> dict[Expr, Expr]:
    return {equation.target: equation.value for equation in cell.equations}


def _same_equations(one: Cell, other: Cell, missing: Iterable[str], added: Iterable[str]) -> bool:
    """Whether two cells are one function where the parameters that only one of them has are zero."""
    without, with_none = (
        {target: _zeroed(value, gone) for target, value in _values(cell).items()}
        for cell, gone in ((one, set(missing)), (other, set(added)))
    )
    return without == with_none


def _zeroed(value: Expr, gone: set[str]) -> Expr:
    return value.xreplace({element: Integer(0) for element in accesses(value) if tensor_of(element) in gone})


def _twin(cell: Cell, name: str, others: Iterable[str]) -> str:
    """A parameter that stands in one sum with this one wherever either occurs, so that the two fold into one."""
    reading = {target: set(map(tensor_of, accesses(value))) for target, value in _values(cell).items()}
    places = [target for target, read in reading.items() if name in read]
    for other in others:
        together = places == [target for target, read in reading.items() if other in read]
        if together and all(_in_one_sum(_values(cell)[target], name, other) for target in places):
            return other
    return ""


def _in_one_sum(value: Expr, name: str, other: str) -> bool:
    elements = {tensor_of(element): element for element in accesses(value)}
    summed = value.xreplace({elements[name]: Integer(0), elements[other]: elements[other] + elements[name]})
    return indices_of(elements[name]) == indices_of(elements[other]) and bool(value == summed)
