"""The self-test of a C kernel: small fixed data, results computed to 30 digits, compared element by element.

The expected values come from the IR's interpreter with mpmath numbers, so that they are the same on every machine.
"""

from collections.abc import Mapping
from textwrap import wrap
from typing import Any

from grusym.conventions.packing import numbers
from grusym.emit.c_header import banner
from grusym.emit.c_interface import CKernel
from grusym.equations.axis import BATCH, TIME
from grusym.lower.interpret import run
from grusym.lower.ir import Buffer, Kind

EXTENTS = (3, 4, 2, 5)  # of the cell's axes, in turn; all differ from each other where there are few
TOLERANCE = {"float32": "2e-6f", "float64": "1e-14"}
DIGITS = 20
FIRST_STATE = 12345


def c_selftest(kernel: CKernel) -> str:
    """The text of a program that exits with 0 if the kernel reproduces the expected results, and says what differs."""
    sizes = selftest_sizes(kernel)
    given, expected = selftest_values(kernel, sizes)
    plain = {"forward": kernel.forward_plain, "backward": kernel.backward_plain}
    real = kernel.ctype.name
    lines = [
        banner(kernel, f"{kernel.base}_selftest.c: does the kernel compute the equations on this machine?"),
        f'#include "{kernel.base}.h"',
        "",
        "#include <math.h>",
        "#include <stdio.h>",
        "",
    ]
    for name, values in (*given.items(), *((f"want_{name}", values) for name, values in expected.items())):
        lines += [
            f"static const {real} {name}[] = {{",
            *wrap(", ".join(values), 110, initial_indent="    ", subsequent_indent="    "),
            "};",
        ]
    lines += ["", *(f"static {real} {name}[{len(values)}];" for name, values in expected.items()), ""]
    lines += _compare(kernel)
    lines += ["int main(void)", "{", "    int wrong = 0, status;"]
    numbers_of = ", ".join(str(sizes[name]) for name in kernel.sizes)
    for word, arguments in plain.items():
        call = f"{kernel.function(word)}({numbers_of}, {', '.join(a.name for a in arguments)})"
        lines += [
            *wrap(f"status = {call};", 110, initial_indent="    ", subsequent_indent="        "),
            "    if (status) {",
            f'        printf("{kernel.function(word)} returned %d\\n", status);',
            "        return 1;",
            "    }",
        ]
    lines += [
        f'    wrong += differs("{name}", {name}, want_{name}, {len(values)});' for name, values in expected.items()
    ]
    lines += [f'    printf("{kernel.base}: %s\\n", wrong ? "WRONG" : "ok");', "    return wrong != 0;", "}", ""]
    return "\n".join(lines)


def _compare(kernel: CKernel) -> list[str]:
    real, mark = kernel.ctype.name, kernel.ctype.mark
    return [
        f"/* Whether a tensor is off by more than {TOLERANCE[kernel.ctype.dtype]} of its largest element. */",
        f"static int differs(const char *name, const {real} *got, const {real} *want, int count)",
        "{",
        f"    {real} largest = 0;",
        "    for (int i = 0; i < count; ++i)",
        f"        largest = fmax{mark}(largest, fabs{mark}(want[i]));",
        "    for (int i = 0; i < count; ++i)",
        f"        if (!(fabs{mark}(got[i] - want[i]) <= {TOLERANCE[kernel.ctype.dtype]}*largest)) {{",
        '            printf("%s[%d] is %.9g, not %.9g\\n", name, i, (double)got[i], (double)want[i]);',
        "            return 1;",
        "        }",
        "    return 0;",
        "}",
        "",
    ]


def selftest_sizes(kernel: CKernel) -> dict[str, int]:
    """T = 3, B = 2, and an extent for every axis of the cell."""
    axes = [axis.name for axis in kernel.lowered.cell.axes]
    return {TIME.name: 3, BATCH.name: 2} | {name: EXTENTS[n % len(EXTENTS)] for n, name in enumerate(axes)}


def selftest_values(kernel: CKernel, sizes: Mapping[str, int]) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Inputs, exact in every float type, and expected results, as C literals by array."""
    import mpmath

    lowered = kernel.lowered
    stream = _Dyadics()
    arguments = [*kernel.forward.of_kind(Kind.INPUT, Kind.PARAMETER), *lowered.backward.of_kind(Kind.INPUT)]
    given = {b.name: stream.array(numbers(b.shape, sizes)) for b in dict.fromkeys(arguments)}
    with mpmath.workdps(30):
        forward = run(lowered.forward, sizes, given, dtype=object)
        kept = {b.name: forward[b.name] for b in lowered.forward.of_kind(Kind.SAVED)}
        backward = run(lowered.backward, sizes, given | kept, dtype=object)
        wanted: list[tuple[Buffer, Any]] = [(b, forward) for b in lowered.forward.of_kind(Kind.OUTPUT)]
        wanted += [(b, backward) for b in lowered.backward.of_kind(Kind.OUTPUT, Kind.GRADIENT)]
        expected = {
            buffer.name: [_literal(mpmath.nstr(v, DIGITS), kernel) for v in arrays[buffer.name].ravel()]
            for buffer, arrays in wanted
        }
    inputs = {name: [_literal(repr(float(v)), kernel) for v in array.ravel()] for name, array in given.items()}
    return inputs, expected


def _literal(text: str, kernel: CKernel) -> str:
    return f"{text}{kernel.ctype.mark}"


class _Dyadics:
    """Multiples of 1/64 between -1 and 1 from a linear congruential generator (Knuth, MMIX)."""

    def __init__(self) -> None:
        self.state = FIRST_STATE

    def array(self, shape: tuple[int, ...]) -> Any:
        import mpmath
        import numpy as np

        values = np.empty(shape, dtype=object)
        for index in np.ndindex(*shape):
            self.state = (6364136223846793005 * self.state + 1442695040888963407) % 2**64
            values[index] = mpmath.mpf((self.state >> 57) - 64) / 64
        return values
