"""Changes of how gradients are made: of the tangents' equations, of what is carried, of what is summed."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from sympy import Expr, Function, Mul, Symbol

from grusym.calculus.forward import tangent
from grusym.equations.cell import Cell, Equation
from grusym.equations.names import tangent_name
from grusym.equations.tensor import access, accesses, indices_of, tensor_of
from grusym.oracle.catalogue import roles
from grusym.oracle.catalogue.edits import ONE, ZERO, equation_line, substituted
from grusym.oracle.catalogue.entry import Candidate, Change, Setting
from grusym.oracle.program import Program, Tangents, backwards, each_strand

Equations = tuple[Equation, ...]


def ways(id_: str, *changes: Change, fix: str = "") -> Callable[[Setting], list[Candidate]]:
    return lambda setting: [Candidate(id_, change, fix) for change in changes]


def with_tangents(change: Tangents) -> Change:
    def changed(program: Program) -> Program | None:
        if any(change(strand.cell, tangents(strand.cell)) is None for strand in program.strands):
            return None
        return each_strand(
            program,
            lambda s: replace(s, backward=replace(s.backward, tangents=(*s.backward.tangents, change))),
        )

    return changed


def tangents(cell: Cell) -> Equations:
    from grusym.oracle.step import tangents_of

    return tangents_of(cell)


def edited(id_: str, setting: Setting, fix: str, *changes: Tangents) -> list[Candidate]:
    """Candidates for those changes that change something for this cell."""
    right = tangents(setting.cell)
    found = []
    for change in changes:
        other = change(setting.cell, right)
        if other is not None and other != right:
            found.append(Candidate(id_, with_tangents(change), fix))
    return found


def each(change: Callable[[Equation], Expr]) -> Callable[[Cell, Equations], Equations]:
    return lambda cell, equations: tuple(Equation(e.target, change(e)) for e in equations)


def v(names: Any) -> set[str]:
    return {tangent_name(name) for name in names}


# Paths


def direct(setting: Setting) -> list[Candidate]:
    """1 - c for the coefficient c of a state's own unit in its update."""

    def change(cell: Cell, equations: Equations) -> Equations:
        own = {tangent_name(state.update.name): tangent_name(state.name) for state in cell.states}
        found = []
        for equation in equations:
            state = own.get(tensor_of(equation.target))
            value = equation.value
            if state:
                element = access(state, indices_of(equation.target))
                value = turned(value, element)
            found.append(Equation(equation.target, value))
        return tuple(found)

    fix = "along the direct path: " + "; ".join(direct_paths(setting.cell))
    return edited("grad-direct-path-polarity", setting, fix, change)


def direct_paths(cell: Cell) -> list[str]:
    """What a state's own unit sends back: dh[i] = z[i] dh'[i]."""
    found = []
    own = {tangent_name(state.update.name): tangent_name(state.name) for state in cell.states}
    for equation in tangents(cell):
        state = own.get(tensor_of(equation.target))
        if state:
            element = access(state, indices_of(equation.target))
            terms = equation.value.args if equation.value.is_Add else (equation.value,)
            own_terms = [t for t in terms if t.is_Mul and element in t.args]
            for term in own_terms:
                coefficient = Mul(*(factor for factor in term.args if factor != element))
                shown = f"({coefficient})" if coefficient.is_Add else str(coefficient)
                target = str(equation.target)
                found.append(f"{_cotangent(str(element))} = {shown} {_cotangent(target)}")
    return found


def _cotangent(tangent: str) -> str:
    """dh[i] for v_h[i]."""
    return f"d{tangent.removeprefix(tangent_name(''))}"


def turned(value: Expr, element: Expr) -> Expr:
    if value.is_Add:
        return value.func(*(turned(term, element) for term in value.args))
    if value.is_Mul and element in value.args:
        return (1 - Mul(*(factor for factor in value.args if factor != element))) * element
    return value


def reset_path(setting: Setting) -> list[Candidate]:
    gates = roles.resets(setting.cell)
    states = [state.name for state in setting.cell.states]

    def dropped(cell: Cell, equations: Equations) -> Equations:
        targets = v(gates)
        return tuple(e if tensor_of(e.target) not in targets else Equation(e.target, ZERO) for e in equations)

    def not_to_state(cell: Cell, equations: Equations) -> Equations:
        targets = v(gates)
        return tuple(
            Equation(e.target, substituted(e.value, v(states), lambda _: ZERO)) if tensor_of(e.target) in targets else e
            for e in equations
        )

    def not_to_candidate(cell: Cell, equations: Equations) -> Equations:
        targets = v(tensor_of(e.target) for e in roles.candidates(cell))
        return tuple(
            Equation(e.target, substituted(e.value, v(gates), lambda _: ZERO)) if tensor_of(e.target) in targets else e
            for e in equations
        )

    if not gates:
        return []
    lines = [equation_line(setting.cell, name) for name in gates]
    fix = "add the path back through the reset gate: " + "; ".join(lines)
    return edited("grad-reset-path-missing", setting, fix, dropped, not_to_state, not_to_candidate)


def candidate_reset(setting: Setting) -> list[Candidate]:
    """r missing where the candidate's cotangent goes to its recurrent part: all of it, or only what goes on to dh."""
    gates = set(roles.resets(setting.cell))

    def change(state_only: bool) -> Tangents:
        def changed(cell: Cell, equations: Equations) -> Equations:
            by_name = {tensor_of(e.target): e.value for e in equations}
            states = {state.name for state in cell.states}
            targets = v(tensor_of(e.target) for e in roles.candidates(cell))
            found = []
            for equation in equations:
                value = equation.value
                if tensor_of(equation.target) in targets:
                    for name in sorted(v(roles.helpers(cell))):  # v_u stands for what it is
                        at = access(name, indices_of(equation.target))
                        value = value.xreplace({at: by_name[name]}) if name in by_name else value
                    moving = (
                        v(states) if state_only else {n for n in roles.reads(value) if n.startswith("v_")} - v(gates)
                    )
                    moving -= set() if state_only else input_tangents(cell)
                    others = {n for n in roles.reads(value) if n.startswith("v_")} - moving
                    fixed = substituted(value, moving, lambda _: ZERO)
                    part = substituted(value, others, lambda _: ZERO)
                    value = fixed + substituted(part, gates, lambda _: ONE)
                found.append(Equation(equation.target, value))
            return tuple(found)

        return changed

    fix = "du[i] = r[i] dv[i], where v[i] = r[i] u[i] is what the reset gate leaves"
    return edited("grad-candidate-reset-missing", setting, fix, change(False), change(True)) if gates else []


def input_tangents(cell: Cell) -> set[str]:
    return v(tensor.name for tensor in (*cell.inputs, *roles.with_letter(cell, "W", "b")))


def own_unit(setting: Setting) -> list[Candidate]:
    """U[k,i] v_h[i] for U[i,k] v_h[k]: each unit sums its own cotangent over the column."""
    states = [state.name for state in setting.cell.states]
    weights = {tensor.name for tensor in setting.cell.parameters if len(tensor.axes) == 2}

    def change(cell: Cell, equations: Equations) -> Equations:
        def swapped(equation: Equation) -> Expr:
            own = indices_of(equation.target)
            value = equation.value
            for element in accesses(value):
                at = indices_of(element)
                if tensor_of(element) in v(states) and at != own and len(at) == len(own) == 1:
                    exchange = {element: access(tensor_of(element), own)}
                    for weight in accesses(value):
                        if tensor_of(weight) in weights and indices_of(weight) == (*own, *at):
                            exchange[weight] = access(tensor_of(weight), (*at, *own))
                    value = value.xreplace(exchange) if len(exchange) > 1 else value
            return value

        return each(swapped)(cell, equations)

    fix = "dh[k] = sum[i](da[i] U[i,k]), over all units"
    diagonal = Candidate("grad-own-unit-only", lambda program: backwards(program, carry="own"), fix)
    return [diagonal, *edited("grad-own-unit-only", setting, fix, change)]


def shifted(setting: Setting) -> list[Candidate]:
    """The update in place of the state, wherever it multiplies the tangent of a parameter, or of a gate."""
    updates = {state.name: state.update.name for state in setting.cell.states}
    gates = set(roles.gates(setting.cell))

    def change(beside: set[str]) -> Tangents:
        def swapped(equation: Equation) -> Expr:
            value = equation.value
            part = substituted(value, {n for n in roles.reads(value) if n.startswith("v_")} - beside, lambda _: ZERO)
            if not roles.reads(part) & set(updates):
                return value
            rest = substituted(value, beside, lambda _: ZERO)
            moved = substituted(part, set(updates), lambda h: access(updates[tensor_of(h)], indices_of(h)))
            return rest + moved

        return each(swapped)

    parameters = v(tensor.name for tensor in setting.cell.parameters)
    fix = "dU[i,k] = sum[t](da[t,i] h[t-1,k])"
    return edited("grad-recurrent-shifted-state", setting, fix, change(parameters), change(v(gates)))


# Derivatives of functions


def slope(kind: type[Function], wrong: Callable[[Expr, Expr], Expr]) -> Tangents:
    """Another derivative of a function: of its value and its argument."""

    def change(cell: Cell, equations: Equations) -> Equations:
        del equations
        by_value: dict[Expr, Expr] = {}
        found = []
        for equation in cell.equations:
            inner = sorted(equation.value.atoms(kind), key=str)
            stand_ins = {f: Symbol(f"stand_in{n}") for n, f in enumerate(inner)}
            value = tangent(equation.value.xreplace(stand_ins), by_value)
            for function, symbol in stand_ins.items():
                known = equation.target if equation.value == function else by_value.get(function, function)
                slope = wrong(known, function.args[0]) * tangent(function.args[0], by_value)
                value = value.xreplace({Symbol(tangent_name(symbol.name)): slope, symbol: function})
            by_value.setdefault(equation.value, equation.target)
            found.append(Equation(access(tangent_name(tensor_of(equation.target)), indices_of(equation.target)), value))
        extra = [e for e in tangents(cell) if tensor_of(e.target) not in {tensor_of(f.target) for f in found}]
        return (*found, *extra)

    return change


def functions(id_: str, kind: type[Function], fix: str, *wrong: Callable[[Expr, Expr], Expr]) -> Any:
    def ways(setting: Setting) -> list[Candidate]:
        if not any(e.value.has(kind) for e in setting.cell.equations):
            return []
        return [Candidate(id_, with_tangents(slope(kind, w)), fix) for w in wrong]

    return ways


# Sums and buffers


def carry(kind: str) -> Change:
    return lambda program: backwards(program, carry=kind)


def weighted(weights: Callable[[int, int], Any]) -> Change:
    """What each step counts in the gradients of parameters."""

    def change(program: Program) -> Program | None:
        case = program.case

        def counted(strand: Any) -> Any:
            own = weights(case.steps, case.batch)
            before = strand.backward.weights
            return replace(strand, backward=replace(strand.backward, weights=own if before is None else own * before))

        return each_strand(program, counted)

    return change


def only(time: Any, sample: Any) -> Callable[[int, int], Any]:
    def weights(steps: int, batch: int) -> Any:
        kept = np.zeros((steps, batch))
        kept[time, sample] = 1.0
        return kept

    return lambda steps, batch: weights(steps, batch) if steps else np.zeros((steps, batch))


ALL = slice(None)


def stale(setting: Setting) -> list[Candidate]:
    """Saved values of the wrong step, or gates as they are before their activation."""
    fix = "backward at step t uses the values that forward saved at step t"

    def at(which: str) -> Change:
        def change(program: Program) -> Program | None:
            steps, batch = program.case.steps, program.case.batch
            own = np.arange(steps * batch).reshape(steps, batch)
            if which == "last":
                rows = np.broadcast_to(own[-1:], own.shape) if steps else own
            elif which == "before":
                rows = np.concatenate([own[:1], own[:-1]])
            else:
                rows = np.concatenate([own[1:], own[-1:]])
            return backwards(program, saved=rows)

        return change

    found = [Candidate("grad-saved-buffer-stale", at(which), fix) for which in ("last", "before", "after")]
    gates = roles.gates(setting.cell)
    choices = [(gate,) for gate in gates] + ([tuple(gates)] if len(gates) > 1 else [])
    for names in choices:
        found.append(
            Candidate("grad-saved-buffer-stale", lambda p, names=names: backwards(p, raw=names), fix)  # type: ignore[misc]
        )
    return found


def layer_input(setting: Setting) -> list[Candidate]:
    """The gradient of input weights with another step's input."""
    name = setting.cell.inputs[0].name

    def rows(which: int) -> Change:
        def change(program: Program) -> Program | None:
            steps, batch = program.case.steps, program.case.batch
            own = np.arange(steps * batch).reshape(steps, batch)
            zero = np.full((1, batch), -1)
            other = (
                (
                    np.concatenate([own[:1], own[:-1]])
                    if which == 0
                    else np.concatenate([zero, own[:-1]])
                    if which == 1
                    else np.concatenate([own[1:], own[-1:]])
                    if which == 2
                    else np.broadcast_to(own[:1], own.shape)
                )
                if steps
                else own
            )
            return backwards(program, inputs={name: other})

        return change

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
    found = [Candidate("grad-layer-input", rows(which), fix) for which in range(4)]
    if len(setting.cell.inputs[0].axes) == 1:
        found.append(Candidate("grad-layer-input", square, fix))
    return found
