"""Normal form: every sum, function value and shifted access becomes a tensor of its own.

After it, an expression that is differentiated holds no function and no sum, so that a derivative is rational in values
that are already there: r (1 - r) is read off the saved r.
"""

from collections.abc import Collection, Iterable, Mapping

from sympy import Add, Expr, Function, Idx, Indexed, Mul, Sum

from grusym.calculus.program import Guard, Node, Program
from grusym.equations.axis import extent_of, indices_in
from grusym.equations.cell import Equation
from grusym.equations.functions import NAMES
from grusym.equations.names import code_name, cotangent_name, derived_names, fresh
from grusym.equations.tensor import access, accesses, indices_of, is_access, is_plain, tensor_of


def normalise(
    equations: Iterable[Equation], shapes: Mapping[str, tuple[Expr, ...]], parameters: Collection[str]
) -> Program:
    """The program of these equations.

    `shapes` holds the shape of every tensor that the equations access or define; sums are named after what they sum
    besides `parameters`: r_h for sum_k U_r[i,k] h[k] in the equation of r, a_r for the argument of its sigmoid.
    """
    flattener = _Flattener(dict(shapes), parameters)
    for equation in equations:
        flattener.define(equation.target, equation.value)
    return Program(tuple(flattener.nodes), flattener.shapes)


class _Flattener:
    """The nodes so far, and which expression already has a name."""

    def __init__(self, shapes: dict[str, tuple[Expr, ...]], parameters: Collection[str]):
        self.shapes = shapes
        self.parameters = parameters
        self.nodes: list[Node] = []
        self.known: dict[Expr, Expr] = {}
        states = [name[:-1] for name in shapes if name.endswith("'")]
        self.taken = {derived for derived, _ in derived_names(shapes, states)}

    def define(self, target: Expr, value: Expr) -> None:
        self.nodes.append(self.node(target, value, indices_of(target)))
        if value.atoms(Idx).issuperset(indices_of(target)):  # not one value spread along an axis
            self.known.setdefault(value, target)

    def node(self, target: Expr, value: Expr, scope: tuple[Idx, ...]) -> Node:
        """The node for target = value; what is nested inside becomes nodes before it."""
        stem = code_name(tensor_of(target))
        if isinstance(value, Sum):
            over = tuple(limit[0] for limit in value.limits)
            inside = self.flat(self.grouped(value.function), stem, (*scope, *over), keep_shifts=True)
            return Node(target, inside, over, self.guards(inside))
        if type(value) in NAMES:
            return Node(target, self.application(value, stem, scope))
        if isinstance(value, Indexed) and self.guards(value):
            return Node(target, value, (), self.guards(value))
        return Node(target, self.flat(value, stem, scope))

    def flat(self, value: Expr, stem: str, scope: tuple[Idx, ...], keep_shifts: bool = False) -> Expr:
        """`value` with every nested sum, function and shifted access replaced by the tensor that holds it.

        In a summed product (`keep_shifts`) a shifted factor stays: its guard is the guard of the whole term.
        """
        if isinstance(value, Sum):
            return self.name_for(value, self.sum_name(value, stem), scope)
        if type(value) in NAMES:
            arguments = "_".join(code_name(tensor_of(a)) for a in accesses(value)[:1])
            return self.name_for(value, f"{NAMES[type(value)]}_{arguments or stem}", scope)
        if is_access(value):
            shifted = bool(self.guards(value)) and not keep_shifts
            return self.name_for(value, f"{code_name(tensor_of(value))}_at", scope) if shifted else value
        if not value.args or isinstance(value, Idx):
            return value
        keep = keep_shifts and isinstance(value, Mul)
        return value.func(*(self.flat(a, stem, scope, keep and isinstance(a, Indexed)) for a in value.args))

    def grouped(self, product: Expr) -> Expr:
        """A summed product with factors at the same indices, such as r[k] h[k], as one tensor.

        Then U_n[i,k] (r[k] h[k]) is a matrix product, and so are both of its adjoints.
        """
        if isinstance(product, Add):
            return product.func(*(self.grouped(term) for term in product.args))
        if not isinstance(product, Mul):
            return product
        groups: dict[tuple[Expr, ...], list[Expr]] = {}
        for factor in product.args:
            operand = isinstance(factor, Indexed) and tensor_of(factor) not in self.parameters
            groups.setdefault(indices_of(factor) if operand else (), []).append(factor)
        if len(groups) < 2:
            return product
        return Mul(*(f for indices, fs in groups.items() for f in (self.joined(indices, fs) if indices else fs)))

    def joined(self, indices: tuple[Expr, ...], factors: list[Expr]) -> list[Expr]:
        if len(factors) == 1:
            return factors
        shape = self.shapes[tensor_of(factors[0])]
        plain = tuple(self.plain(index, extent) for index, extent in zip(indices, shape, strict=True))
        if not is_plain(plain):
            return factors
        here = [access(tensor_of(factor), plain) for factor in factors]
        name = "_".join(code_name(tensor_of(factor)) for factor in factors)
        element = self.name_for(Mul(*here), name, plain)
        there = dict(zip(plain, indices, strict=True))
        return [access(tensor_of(element), tuple(there[index] for index in indices_of(element)))]

    def plain(self, index: Expr, extent: Expr) -> Expr:
        """The index that a position of a tensor is written in: itself, or the one of p + u - 1 that has the axis."""
        return next((i for i in (index, *indices_in(index)) if isinstance(i, Idx) and extent_of(i) == extent), index)

    def application(self, value: Function, stem: str, scope: tuple[Idx, ...]) -> Expr:
        """A function applied to accesses; an argument that is an expression becomes the pre-activation a_<stem>."""
        arguments = [
            a if (is_access(a) and not self.guards(a)) or a.is_number else self.name_for(a, f"a_{stem}", scope)
            for a in value.args
        ]
        return value.func(*arguments)

    def name_for(self, value: Expr, name: str, scope: tuple[Idx, ...]) -> Expr:
        """The access of the tensor that holds `value`, which gets a node unless it has one."""
        if value in self.known:
            return self.known[value]
        bound = {limit[0] for limit in value.limits} if isinstance(value, Sum) else set()
        used = value.atoms(Idx) - bound
        indices = tuple(index for index in scope if index in used)
        taken = {*self.shapes, *self.taken, *map(cotangent_name, self.shapes)}
        taken |= {word[1:] for word in taken if word.startswith("d")}  # for its own cotangent
        target = access(fresh((name,), taken), indices)
        self.shapes[tensor_of(target)] = tuple(extent_of(index) for index in indices)
        self.nodes.append(self.node(target, value, scope))
        self.known[value] = target
        return target

    def sum_name(self, value: Sum, stem: str) -> str:
        operands = [tensor_of(a) for a in accesses(value.function)]
        others = "_".join(dict.fromkeys(code_name(n) for n in operands if n not in self.parameters))
        return f"{stem}_{others}" if others else f"{stem}_sum"

    def guards(self, value: Expr) -> tuple[Guard, ...]:
        """The guards of the shifted accesses that stand in a product, or that are the value."""
        found = []
        for element in accesses(value):
            for index, extent in zip(indices_of(element), self.shapes[tensor_of(element)], strict=True):
                found.append(Guard(index, extent))
        return tuple(guard for guard in dict.fromkeys(found) if not guard.always_holds)
