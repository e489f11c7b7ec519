"""What backward reads of the wrong step: values that forward saved, and inputs."""

from typing import Any

import numpy as np
from sympy import Expr

from grusym.equations.cell import Cell, Equation
from grusym.equations.tensor import access, indices_of
from grusym.oracle.catalogue import roles
from grusym.oracle.catalogue.edits import ZERO, substituted
from grusym.oracle.catalogue.entry import Candidate, Change, Setting
from grusym.oracle.catalogue.tangent_edits import Equations, each, v, with_tangents
from grusym.oracle.program import Program, backwards
from grusym.oracle.wiring import NOTHING, numbered


def _rows(which: str, steps: int, batch: int) -> Any:
    """For each step the first, the last, the one before or after, by number (T, B); or `none` before the first."""
    own = numbered(steps, batch)
    if which in ("first", "last"):
        return np.broadcast_to(own[:1] if which == "first" else own[-1:], own.shape) if steps else own
    if which == "after":
        return np.concatenate([own[1:], own[-1:]])
    return np.concatenate([own[:1] if which == "before" else np.full((min(steps, 1), batch), NOTHING), own[:-1]])


def stale(setting: Setting) -> list[Candidate]:
    """Saved values of the wrong step, or gates as they are before their activation."""
    fix = "backward at step t uses the values that forward saved at step t"

    def at(which: str) -> Change:
        return lambda program: backwards(program, saved=_rows(which, program.case.steps, program.case.batch))

    def raw(names: tuple[str, ...]) -> Change:
        return lambda program: backwards(program, raw=names)

    gates = roles.gates(setting.cell)
    choices = [(gate,) for gate in gates] + ([tuple(gates)] if len(gates) > 1 else [])
    changes = [*(at(which) for which in ("last", "before", "after")), *(raw(names) for names in choices)]
    return [Candidate("grad-saved-buffer-stale", change, fix) for change in changes]


def layer_input(setting: Setting) -> list[Candidate]:
    """The gradient of input weights with another step's input."""
    name = setting.cell.inputs[0].name

    def read(which: str) -> Change:
        return lambda program: backwards(program, inputs={name: _rows(which, program.case.steps, program.case.batch)})

    def by_state(cell: Cell, equations: Equations) -> Equations:
        """h for x, where both have as many units."""
        state, x = cell.states[0], cell.inputs[0]
        weights = v(t.name for t in roles.with_letter(cell, "W"))

        def swapped(equation: Equation) -> Expr:
            value = equation.value
            if not roles.reads(value) & weights:
                return value
            part = substituted(value, {n for n in roles.reads(value) if n.startswith("v_")} - weights, lambda _: ZERO)
            rest = substituted(value, weights, lambda _: ZERO)
            return rest + substituted(part, {x.name}, lambda a: access(state.name, indices_of(a)))

        return each(swapped)(cell, equations)

    def square(program: Program) -> Program | None:
        strand = program.strands[0]
        x, h = strand.inputs[name], strand.initial[program.case.cell.states[0].name]
        return with_tangents(by_state)(program) if x.shape[2:] == h.shape[1:] else None

    fix = f"dW[i,j] = sum[t](da[t,i] {name}[t,j]), with the {name} that this layer read"
    found = [Candidate("grad-layer-input", read(which), fix) for which in ("before", "none", "after", "first")]
    if len(setting.cell.inputs[0].axes) == 1:
        found.append(Candidate("grad-layer-input", square, fix))
    return found
