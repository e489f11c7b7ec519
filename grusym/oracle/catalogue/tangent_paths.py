"""Paths of the derivative that are missing, _turned around or taken at the wrong place."""

from sympy import Expr, Mul

from grusym.equations.cell import Cell, Equation
from grusym.equations.names import tangent_name
from grusym.equations.tensor import access, accesses, indices_of, tensor_of
from grusym.oracle.catalogue import roles
from grusym.oracle.catalogue.edits import ONE, ZERO, equation_line, substituted
from grusym.oracle.catalogue.entry import Candidate, Setting
from grusym.oracle.catalogue.tangent_edits import Equations, each, edited, v
from grusym.oracle.program import Tangents, backwards
from grusym.oracle.step import tangents_of


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
                value = _turned(value, element)
            found.append(Equation(equation.target, value))
        return tuple(found)

    fix = "along the direct path: " + "; ".join(_direct_paths(setting.cell))
    return edited("grad-direct-path-polarity", setting, fix, change)


def _direct_paths(cell: Cell) -> list[str]:
    """What a state's own unit sends back: dh[i] = z[i] dh'[i]."""
    found = []
    own = {tangent_name(state.update.name): tangent_name(state.name) for state in cell.states}
    for equation in tangents_of(cell):
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


def _turned(value: Expr, element: Expr) -> Expr:
    if value.is_Add:
        return value.func(*(_turned(term, element) for term in value.args))
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
    """r missing where the candidate's cotangent goes to its recurrent part: to all of it, or to a part alone."""
    cell = setting.cell
    gates = set(roles.resets(cell))

    def change(losing: set[str]) -> Tangents:
        def changed(cell: Cell, equations: Equations) -> Equations:
            by_name = {tensor_of(e.target): e.value for e in equations}
            targets = v(tensor_of(e.target) for e in roles.candidates(cell))
            found = []
            for equation in equations:
                value = equation.value
                if tensor_of(equation.target) in targets:
                    for name in sorted(v(roles.helpers(cell))):  # v_u stands for what it is
                        at = access(name, indices_of(equation.target))
                        value = value.xreplace({at: by_name[name]}) if name in by_name else value
                    read = {name for name in roles.reads(value) if name.startswith("v_")}
                    fixed = substituted(value, read & losing, lambda _: ZERO)
                    part = substituted(value, read - losing, lambda _: ZERO)
                    value = fixed + substituted(part, gates, lambda _: ONE) if read & losing else equation.value
                found.append(Equation(equation.target, value))
            return tuple(found)

        return changed

    fix = "du[i] = r[i] dv[i], where v[i] = r[i] u[i] is what the reset gate leaves"
    inputs = v(tensor.name for tensor in (*cell.inputs, *roles.with_letter(cell, "W", "b")))
    recurrent = v(name for name in cell.tensors if name not in gates) - inputs
    states, weights, biases = (
        v(tensor.name for tensor in tensors)
        for tensors in ((s.tensor for s in cell.states), roles.with_letter(cell, "U"), roles.with_letter(cell, "c"))
    )
    parts = (recurrent, states, biases, weights, weights | biases)
    return edited("grad-candidate-reset-missing", setting, fix, *map(change, parts)) if gates else []


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
