"""From the syntax of a cell to the cell: tensors get roles and axes, indices get sums; what does not fit is refused."""

from dataclasses import replace

from sympy import Expr

from grusym.equations.axis import Axis
from grusym.equations.cell import Cell, Equation, State
from grusym.equations.domain import NoValue, conditions
from grusym.equations.expression import Scope, build_terms
from grusym.equations.functions import FLOOR, FUNCTIONS
from grusym.equations.names import LAYER_SIZES, derived_names, is_reserved
from grusym.equations.summation import references
from grusym.equations.syntax import Assignment, CellSyntax, Reference
from grusym.equations.tensor import Role, Tensor, access
from grusym.equations.tokens import Source, Token


def understand(syntax: CellSyntax, source: Source) -> Cell:
    """The cell that the syntax describes.

    Raises CellError for: an index without an axis or with two; a tensor used before its definition, defined twice,
    never used, or used with other axes than its own; an index neither on the left nor summed; a state without update.
    """
    axis_of = _axes(syntax, source)
    scope = Scope(source, axis_of, {})
    targets = [assignment.target for assignment in syntax.assignments]
    _check_names(syntax, source, axis_of)

    signature: dict[str, tuple[Tensor, Token]] = {}
    for argument in syntax.arguments:
        _declare(signature, argument, scope)
    updates = {r.token.text[:-1]: r for r in syntax.results if r.token.text.endswith("'")}
    _check_results(syntax, source, signature, updates)
    given = {_declare({}, r, scope).name: r for r in syntax.results}
    for name, (tensor, _) in signature.items():
        role = Role.STATE if name in updates else Role.INPUT
        scope.tensors[name] = replace(tensor, role=role)
    declared: dict[str, tuple[Tensor, Token]] = {}
    for reference in syntax.parameters:
        _declare(declared, reference, scope)
    scope.tensors.update({name: replace(t, role=Role.PARAMETER) for name, (t, _) in declared.items()})
    scope.closed = bool(declared)
    scope.defined_later = {target.token.text for target in targets}

    equations = []
    for assignment in syntax.assignments:
        equations.append(_equation(assignment, scope, given))
    cell = _assemble(syntax, scope, tuple(equations), updates)
    _check_complete(cell, syntax, scope, declared)
    return cell


def _axes(syntax: CellSyntax, source: Source) -> dict[str, Axis]:
    axis_of: dict[str, Axis] = {}
    for clause in syntax.axes:
        for index in clause.indices:
            if index.text in axis_of:
                raise source.error(f"index {index.text} has an axis already: {axis_of[index.text].name}", index)
            axis_of[index.text] = Axis(clause.extent.text)
    for clause in syntax.axes:
        for token in (*clause.indices, clause.extent):
            if token.text in LAYER_SIZES:
                raise source.error(f"{token.text} belongs to the layer (time T, batch B); choose another name", token)
            if "'" in token.text or is_reserved(token.text) or token.text in (*FUNCTIONS, FLOOR, "sum"):
                raise source.error(f"{token.text} is a reserved word; choose another name", token)
        if clause.extent.text in axis_of:
            raise source.error(f"{clause.extent.text} is an index and an axis; rename one", clause.extent)
    return axis_of


def _check_names(syntax: CellSyntax, source: Source, axis_of: dict[str, Axis]) -> None:
    """No tensor may carry the name of an index, an axis, a function, a keyword, or something grusym derives."""
    extents = {axis.name for axis in axis_of.values()}
    results = {reference.token.text for reference in syntax.results}
    declared = (*syntax.arguments, *syntax.results, *syntax.parameters, *(a.target for a in syntax.assignments))
    used = [a.target for a in syntax.assignments]
    used += [r for a in syntax.assignments for r in references(a.value) if r.indices or r.token.text not in axis_of]
    all_references = (*syntax.arguments, *syntax.results, *syntax.parameters, *used)
    as_tensors = {r.token.text: r.token for r in (*(r for r in used if r.indices), *declared)}
    if is_reserved(syntax.token.text) or "'" in syntax.token.text:
        raise source.error(f"{syntax.token.text} is a reserved word; choose another name for the cell", syntax.token)
    names = {r.token.text: r.token for r in reversed(all_references)}
    for name, token in names.items():
        if name in axis_of or (name.endswith("_") and name[:-1] in axis_of):  # k_ is what a second k is renamed to
            raise source.error(f"{name} is an index; a tensor needs another name", token)
        if name in LAYER_SIZES:
            raise source.error(f"{name} belongs to the layer (time T, batch B); a tensor needs another name", token)
        if name in (*FUNCTIONS, FLOOR, "sum") or (is_reserved(name) and not (name == "y" and name in results)):
            raise source.error(f"{name} is a reserved word; a tensor needs another name", token)
        if name in as_tensors and name in extents:
            raise source.error(f"{name} is an axis; a tensor needs another name", as_tensors[name])
    tensors = [name for name in names if name not in extents]
    states = [name for name in tensors if f"{name}'" in results]
    taken: dict[str, str] = {}
    for derived, origin in derived_names(tensors, states):
        if derived in axis_of or derived in extents:
            kind = "an index" if derived in axis_of else "an axis"
            raise source.error(
                f"tensor {origin} needs the name {derived} in derived code, which is {kind}; rename one", names[origin]
            )
        other = taken.setdefault(derived, origin)
        if other != origin:
            raise source.error(
                f"tensors {other} and {origin} would both need the name {derived} in derived code; rename one",
                names[origin],
            )


def _declare(into: dict[str, tuple[Tensor, Token]], reference: Reference, scope: Scope) -> Tensor:
    """A tensor from a reference in the signature or the parameters clause: h[k] has the axis of k."""
    name = reference.token.text
    if name in into:
        raise scope.source.error(f"{name} stands here twice", reference.token)
    axes = tuple(scope.plain_axis(node) for node in reference.indices)
    letters = tuple(node.token.text for node in reference.indices)
    if len(set(letters)) < len(letters):
        raise scope.source.error(f"{name} has the same index twice; give each axis its own", reference.token)
    tensor = Tensor(name, axes, Role.INTERMEDIATE, letters)
    into[name] = (tensor, reference.token)
    return tensor


def _check_results(
    syntax: CellSyntax, source: Source, signature: dict[str, tuple[Tensor, Token]], updates: dict[str, Reference]
) -> None:
    for argument in syntax.arguments:
        if argument.token.text.endswith("'"):
            raise source.error(f"{argument.token.text} is an update; it belongs behind '->'", argument.token)
    seen: set[str] = set()
    for result in syntax.results:
        name = result.token.text
        if name in seen or name in signature:
            raise source.error(f"{name} stands in the signature twice", result.token)
        seen.add(name)
        if name.endswith("'") and name[:-1] not in signature:
            raise source.error(f"{name} updates {name[:-1]}, which is not an argument of the cell", result.token)
    if not updates:
        raise source.error(
            "no state is updated; a recurrent cell has a result with a prime, as in '-> h'[i]'", syntax.results[0].token
        )


def _equation(assignment: Assignment, scope: Scope, results: dict[str, Reference]) -> Equation:
    reference = assignment.target
    name, token = reference.token.text, reference.token
    known = scope.tensors.get(name)
    if known is not None:
        raise scope.source.error(f"{name} is defined already, as {known.role.value}", token)
    if name.endswith("'") and name not in results:
        raise scope.source.error(f"{name} is not in the cell's results; add it behind '->'", token)
    axes = tuple(scope.plain_axis(node) for node in reference.indices)
    left = [node.token.text for node in reference.indices]
    if len(set(left)) != len(left):
        raise scope.source.error(f"{name} has the same index twice on the left", token)
    scope.defining = name
    value = build_terms(assignment.value, frozenset(left), scope)
    try:
        conditions((value,))
    except NoValue as error:  # only the whole shows it
        raise scope.source.error(str(error), token) from None
    scope.defined_later.discard(name)
    role = Role.OUTPUT if name in results else Role.INTERMEDIATE
    scope.tensors[name] = Tensor(name, axes, role, tuple(left))
    target: Expr = access(name, tuple(scope.index(n) for n in left))
    return Equation(target, value)


def _assemble(syntax: CellSyntax, scope: Scope, equations: tuple[Equation, ...], updates: dict[str, Reference]) -> Cell:
    source, tensors = scope.source, scope.tensors
    for result in syntax.results:
        name = result.token.text
        if name not in tensors or tensors[name].role is not Role.OUTPUT:
            raise source.error(f"{name} is a result of the cell, but no equation defines it", result.token)
        stated = tuple(scope.plain_axis(node) for node in result.indices)
        if stated != tensors[name].axes:
            raise source.error(
                f"{name} has axes {_shape(stated)} in the signature and {_shape(tensors[name].axes)} in its equation",
                result.token,
            )
    states = []
    for name, reference in updates.items():
        state, update = tensors[name], tensors[f"{name}'"]
        if state.axes != update.axes:
            raise source.error(
                f"{update.name} has axes {_shape(update.axes)}, but the state {name} has {_shape(state.axes)}",
                reference.token,
            )
        states.append(State(state, update))
    arguments = [tensors[argument.token.text] for argument in syntax.arguments]
    updated = {state.update.name for state in states}
    return Cell(
        name=syntax.token.text,
        axes=tuple(dict.fromkeys(scope.axis_of.values())),
        inputs=tuple(tensor for tensor in arguments if tensor.role is Role.INPUT),
        states=tuple(state for tensor in arguments for state in states if state.tensor is tensor),
        parameters=tuple(tensor for tensor in tensors.values() if tensor.role is Role.PARAMETER),
        intermediates=tuple(tensor for tensor in tensors.values() if tensor.role is Role.INTERMEDIATE),
        outputs=tuple(tensors[r.token.text] for r in syntax.results if r.token.text not in updated),
        equations=equations,
        text=source.text,
    )


def _check_complete(cell: Cell, syntax: CellSyntax, scope: Scope, declared: dict[str, tuple[Tensor, Token]]) -> None:
    """Every argument, declared parameter and intermediate is used: an unused one is most often a misspelt one."""
    used = {r.token.text for a in syntax.assignments for r in references(a.value)}
    tokens = {r.token.text: r.token for r in (*syntax.arguments, *syntax.parameters)}
    tokens |= {a.target.token.text: a.target.token for a in syntax.assignments}
    for tensor in (*cell.inputs, *(s.tensor for s in cell.states), *cell.parameters, *cell.intermediates):
        if tensor.name not in used:
            guessed = [p.name for p in cell.parameters if p.name not in declared]
            hint = f" (taken as parameters: {', '.join(guessed)})" if guessed else ""
            raise scope.source.error(
                f"{tensor.name} is never used; is another name misspelt?{hint}", tokens[tensor.name]
            )
    axes_used = {axis for tensor in cell.tensors.values() for axis in tensor.axes}
    for clause in syntax.axes:
        if Axis(clause.extent.text) not in axes_used:
            raise scope.source.error(f"no tensor has the axis {clause.extent.text}", clause.extent)


def _shape(axes: tuple[Axis, ...]) -> str:
    return f"[{', '.join(axis.name for axis in axes)}]"
