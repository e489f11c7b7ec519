"""The self-test of a C kernel: small fixed data, results computed to 30 digits, compared element by element.

The expected values come from the IR's interpreter with mpmath numbers, so that they are the same on every machine.
"""

from collections.abc import Mapping
from textwrap import wrap
from typing import Any

from grusym.conventions.packing import numbers
from grusym.emit.c_header import banner
from grusym.emit.c_interface import CKernel
from grusym.emit.c_lines import STEP, WIDTH, fold
from grusym.equations.axis import BATCH, TIME
from grusym.equations.condition import nearby, nearest
from grusym.errors import LoweringError
from grusym.lower.interpret import run_both
from grusym.lower.ir import Kind

EXTENTS = (3, 4, 2, 5)  # of the cell's axes, in turn; all differ from each other where there are few
TOLERANCE = {"float32": "2e-6", "float64": "1e-14"}
SMALL = "0.25"  # below it, rounding of larger terms counts
DIGITS = {"float32": 12, "float64": 20}  # of an expected result
SHOWN = {"float32": 9, "float64": 17}  # enough to tell any two numbers apart
FIRST_STATE = 12345


def c_selftest(kernel: CKernel) -> str:
    """The text of a program that exits with 0 if the kernel reproduces the expected results, and says what differs.

    Raises LoweringError where no data were found on which the cell has real and finite results.
    """
    sizes = selftest_sizes(kernel)
    given, expected = selftest_values(kernel, sizes)
    wrong, status = kernel.local("wrong"), kernel.local("status")
    lines = [
        banner(kernel, f"{kernel.base}_selftest.c: does the kernel compute the equations on this machine?"),
        f'#include "{kernel.base}.h"',
        "",
        "#include <math.h>",
        "#include <stdio.h>",
        "",
        *_compare(kernel),
        "int main(void)",
        "{",
        f"    /* The sizes are {', '.join(f'{name} = {number}' for name, number in sizes.items())}. */",
    ]
    for name, values in given.items():
        lines += _array(kernel, name, values)
    lines += [f"    static {kernel.ctype.name} {name}[{len(values)}];" for name, values in expected.items()]
    for name, values in expected.items():
        lines += _array(kernel, _want(kernel, name), values)
    lines += ["", f"    int {wrong} = 0, {status};"]
    numbers_of = [str(sizes[name]) for name in kernel.sizes]
    for word, arguments in {"forward": kernel.forward_plain, "backward": kernel.backward_plain}.items():
        passed = (*numbers_of, *(a.name for a in arguments))
        lines += [
            *fold(f"    {status} = {kernel.function(word)}({', '.join(passed)});"),
            f"    if ({status}) {{",
            f'        printf("{kernel.function(word)} returned %d\\n", {status});',
            "        return 1;",
            "    }",
        ]
    lines += _refusals(kernel, sizes, status)
    for name, values in expected.items():
        lines += fold(f'    {wrong} += {_differs(kernel)}("{name}", {name}, {_want(kernel, name)}, {len(values)});')
    lines += [f'    printf("{kernel.base}: %s\\n", {wrong} ? "WRONG" : "ok");', f"    return {wrong} != 0;", "}", ""]
    return "\n".join(lines)


def _array(kernel: CKernel, name: str, values: list[str]) -> list[str]:
    inside = wrap(", ".join(values), WIDTH, initial_indent=2 * STEP, subsequent_indent=2 * STEP)
    return [f"    static const {kernel.ctype.name} {name}[] = {{", *inside, "    };"]


def _want(kernel: CKernel, name: str) -> str:
    return kernel.local(f"want_{name}")


def _differs(kernel: CKernel) -> str:
    return kernel.local("differs")


def _compare(kernel: CKernel) -> list[str]:
    real, mark = kernel.ctype.name, kernel.ctype.mark
    tolerance, digits = TOLERANCE[kernel.ctype.dtype], SHOWN[kernel.ctype.dtype]
    return [
        f"/* Whether an array is off by more than {tolerance} of its largest element or of {SMALL}. */",
        f"static int {_differs(kernel)}(const char *name, const {real} *got, const {real} *want, int count)",
        "{",
        f"    {real} largest = {SMALL}{mark};",
        "    for (int i = 0; i < count; ++i)",
        f"        largest = fmax{mark}(largest, fabs{mark}(want[i]));",
        "    for (int i = 0; i < count; ++i)",
        f"        if (!(fabs{mark}(got[i] - want[i]) <= {tolerance}{mark}*largest)) {{",
        f'            printf("%s[%d] is %.{digits}g, not %.{digits}g\\n", name, i, (double)got[i], (double)want[i]);',
        "            return 1;",
        "        }",
        "    return 0;",
        "}",
        "",
    ]


def selftest_sizes(kernel: CKernel) -> dict[str, int]:
    """T = 3, B = 2, and an extent for every axis of the cell, at which its equations have values."""
    axes = [axis.name for axis in kernel.lowered.cell.axes]
    extents = {name: EXTENTS[n % len(EXTENTS)] for n, name in enumerate(axes)}
    return nearest({TIME.name: 3, BATCH.name: 2} | extents, kernel.conditions)


def _refusals(kernel: CKernel, sizes: Mapping[str, int], status: str) -> list[str]:
    """Calls at sizes that one condition leaves out, which return before they touch an array."""
    lines = []
    for condition in kernel.conditions:
        without = nearby(sizes, [condition.opposite])
        if without is None:
            continue
        numbers_of = [str(without[name]) for name in kernel.sizes]
        for word, arguments in {"forward": kernel.forward_plain, "backward": kernel.backward_plain}.items():
            passed = (*numbers_of, *(a.name for a in arguments))
            lines += fold(f"    {status} = {kernel.function(word)}({', '.join(passed)});")
            lines += [
                f"    if ({status} != {kernel.guard}_NO_VALUE) {{",
                f'        printf("{kernel.function(word)} returned %d where not {condition}\\n", {status});',
                "        return 1;",
                "    }",
            ]
    return lines


def selftest_values(kernel: CKernel, sizes: Mapping[str, int]) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Inputs, exact in every float type, and expected results, as C literals by array.

    The data are numbers between -1 and 1; for a cell with a logarithm or a root of them, positive ones.
    """
    for lowest in (-64, 1):
        given = _given(kernel, sizes, lowest)
        try:
            expected = _expected(kernel, sizes, given)
        except (ArithmeticError, TypeError, ValueError):  # mpmath at a pole, or with a complex number
            continue
        if all(_fits(kernel, value) for values in expected.values() for value in values):
            break
    else:
        raise LoweringError(
            f"{kernel.lowered.cell.spelling} has no self-test: on its data, numbers between -1 and 1 or positive ones, "
            "the results are not real and finite; scale the equations so that they are"
        )
    digits = DIGITS[kernel.ctype.dtype]
    return (
        {name: [_literal(value, 12, kernel) for value in array.ravel()] for name, array in given.items()},
        {name: [_literal(value, digits, kernel) for value in values] for name, values in expected.items()},
    )


def _given(kernel: CKernel, sizes: Mapping[str, int], lowest: int) -> dict[str, Any]:
    stream = _Dyadics(lowest)
    arguments = [*kernel.forward.of_kind(Kind.INPUT, Kind.PARAMETER), *kernel.lowered.backward.of_kind(Kind.INPUT)]
    return {b.name: stream.array(numbers(b.shape, sizes)) for b in dict.fromkeys(arguments)}


def _expected(kernel: CKernel, sizes: Mapping[str, int], given: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Every result's elements, to 30 digits."""
    import mpmath

    with mpmath.workdps(30):
        results = run_both(kernel.lowered, sizes, given, object)
    return {name: list(array.ravel()) for name, array in results.items()}


def _fits(kernel: CKernel, value: Any) -> bool:
    """Whether this is a real number of the type: not complex, as a logarithm may be, nor NaN."""
    import mpmath

    return isinstance(value, mpmath.mpf) and bool(abs(value) <= kernel.ctype.range[1])


def _literal(value: Any, digits: int, kernel: CKernel) -> str:
    import mpmath

    # What only rounding kept from being zero would be too small for a literal.
    text = mpmath.nstr(value, digits) if abs(value) > 1e-25 else "0.0"
    return f"{text}{kernel.ctype.mark}"


class _Dyadics:
    """Multiples of 1/64 up to 1, from `lowest`/64, out of a linear congruential generator (Knuth, MMIX)."""

    def __init__(self, lowest: int) -> None:
        self.state = FIRST_STATE
        self.lowest = lowest

    def array(self, shape: tuple[int, ...]) -> Any:
        import mpmath
        import numpy as np

        values = np.empty(shape, dtype=object)
        for index in np.ndindex(*shape):
            self.state = (6364136223846793005 * self.state + 1442695040888963407) % 2**64
            values[index] = mpmath.mpf(self.lowest + (self.state >> 40) % (64 - self.lowest + 1)) / 64
        return values
