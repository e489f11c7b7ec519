"""Scalar expressions of the IR as NumPy text over whole arrays."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from sympy import Add, Expr, Function, Idx, Integer, Mul, Number, NumberSymbol, Pow, Rational, Symbol

from grusym.emit.numpy_folding import definition
from grusym.emit.numpy_lines import negated
from grusym.emit.numpy_operand import (
    ATOM,
    MATMUL,
    POWER,
    PRODUCT,
    SIGN,
    SUM,
    Axes,
    Operand,
    aligned,
    linear,
    number,
    spread,
    union,
)
from grusym.emit.numpy_reading import Reading
from grusym.equations.axis import indices_in, spans
from grusym.equations.functions import NAMES
from grusym.equations.tensor import accesses, indices_of, is_access, tensor_of
from grusym.errors import LoweringError
from grusym.lower.ir import Assign

# What a function is in NumPy; sigmoid and erf are functions of the generated module.
FUNCTIONS = {
    "abs": "np.abs({})",
    "cos": "np.cos({})",
    "erf": "erf({})",
    "exp": "np.exp({})",
    "log": "np.log({})",
    "max": "np.maximum({}, {})",
    "min": "np.minimum({}, {})",
    "relu": "np.maximum({}, 0)",
    "sigmoid": "sigmoid({})",
    "sin": "np.sin({})",
    "softplus": "np.logaddexp({}, 0)",
    "sqrt": "np.sqrt({})",
    "step": "np.heaviside({}, 0)",
    "tanh": "np.tanh({})",
}


@dataclass(frozen=True)
class Expressions:
    """What it takes to print an expression.

    `name` gives the text of a tensor at the leading indices that are no axes of an array operation (x[t]), `word` the
    name that it is read by; `names` are the Python names of sizes and index arrays, `numbers` those of the
    arrays of indices that stand as numbers; `inlined` are the folded statements, which `fold` prints. With `axes`,
    every tensor is aligned to them by itself, and not a whole expression.
    """

    name: Callable[[str, tuple[Expr, ...]], str]
    word: Callable[[Expr], str]
    names: dict[str, str]
    numbers: dict[Idx, str]
    shapes: dict[str, tuple[Expr, ...]]
    inlined: dict[str, Assign]
    fold: Callable[["Expressions", Assign], Operand]
    reading: Reading
    axes: Axes | None = None

    def whole(self, expression: Expr, scope: Axes) -> Operand:
        """The text of an expression without sums, its axes in the order of the scope."""
        axes = union([self.pointwise(expression, scope)], scope)
        return replace(self, axes=axes).pointwise(expression, scope)

    def words(self, expression: Expr) -> set[str]:
        """The tensors that stand in the text of an expression."""
        found: set[str] = set()
        for element in accesses(expression):
            inner = self.inlined.get(tensor_of(element))
            found |= self.words(inner.value) if inner else {self.word(element)}
        return found

    def pointwise(self, expression: Expr, scope: Axes) -> Operand:
        """The text of an expression without sums; its axes are in the order of the scope, but for a single tensor."""
        if is_access(expression) or isinstance(expression, Idx):
            number_ = self.numbers.get(expression)
            operand = Operand(number_, (expression,)) if number_ else distinct(self.element(expression, scope))
            return operand if self.axes is None else aligned(operand, self.axes)
        if isinstance(expression, Add):
            return self.total([(minus, self.pointwise(t, scope)) for minus, t in self.terms(expression)], scope)
        if isinstance(expression, Mul):
            coefficient, rest = expression.as_coeff_Mul()
            return self._quotient(coefficient, Mul.make_args(rest), scope)
        if isinstance(expression, Pow):
            return self._power(expression, scope)
        if type(expression) in NAMES:
            return self._application(expression, scope)
        if isinstance(expression, Number | NumberSymbol):
            return number(expression)
        if isinstance(expression, Symbol):
            return Operand(self.names[expression.name])
        raise LoweringError(f"NumPy text of {type(expression).__name__} is not known: {expression}")

    def terms(self, expression: Expr) -> list[tuple[bool, Expr]]:
        """Terms and whether they are subtracted: a one, others in reading order, constants; a positive one leads."""
        signed = []
        for term in Add.make_args(expression):
            minus = term.as_coeff_Mul()[0].is_negative is True
            signed.append((minus, -term if minus else term))
        signed.sort(
            key=lambda s: (not accesses(s[1]) and s != (False, 1), *self.reading.term(self.words(s[1])), str(s))
        )
        first = next((place for place, (minus, _) in enumerate(signed) if not minus), 0)
        return [signed[first], *signed[:first], *signed[first + 1 :]]

    def factors(self, listed: tuple[Expr, ...]) -> list[Expr]:
        """Factors in reading order: constants, and then what the equation reads first."""

        def place(factor: Expr) -> tuple[object, ...]:
            words = self.words(factor)
            return (bool(words), *self.reading.factor(words, not is_access(factor)), str(factor))

        return sorted(listed, key=place)

    def total(self, terms: list[tuple[bool, Operand]], scope: Axes) -> Operand:
        """The sum of terms, each with its sign."""
        if len(terms) == 1 and not terms[0][0]:
            return terms[0][1]
        axes = union([term for _, term in terms], scope)
        text = ""
        for minus, term in terms:
            laid = aligned(term, axes)
            if minus and not text:
                text = negated(laid.within(PRODUCT))
                continue
            word = laid.within(MATMUL if minus else SUM)
            text += ((" - " if minus else " + ") if text else "") + word
        return Operand(text, axes, SIGN if len(terms) == 1 else SUM)

    def product(self, factors: list[Operand], scope: Axes) -> Operand:
        """The product of factors, in this order."""
        axes = union(factors, scope)
        if len(factors) == 1:
            return factors[0]
        first, *others = (aligned(factor, axes) for factor in factors)
        return Operand(" * ".join((first.within(PRODUCT), *(o.within(POWER) for o in others))), axes, PRODUCT)

    def _quotient(self, coefficient: Expr, factors: tuple[Expr, ...], scope: Axes) -> Operand:
        if coefficient.is_negative:
            return self.total([(True, self._quotient(-coefficient, factors, scope))], scope)
        above, below = self.fraction((coefficient, *factors))
        return self.quotient(
            [self.pointwise(f, scope) for f in above], [self.pointwise(f, scope) for f in below], scope
        )

    def fraction(self, factors: tuple[Expr, ...]) -> tuple[list[Expr], list[Expr]]:
        """Factors above and below the line, each in reading order."""
        above: list[Expr] = []
        below: list[Expr] = []
        for factor in self.factors(factors):
            if isinstance(factor, Rational) and not factor.is_Integer and number(factor).binding == PRODUCT:
                above += [Integer(factor.p)] * (factor.p != 1)
                below.append(Integer(factor.q))
            elif isinstance(factor, Pow) and factor.exp.is_negative:
                below.append(factor.base**-factor.exp)
            elif factor != 1:
                above.append(factor)
        return above, below

    def quotient(self, above: list[Operand], below: list[Operand], scope: Axes) -> Operand:
        """The product of operands, over that of others."""
        axes = union([*above, *below], scope)
        top = aligned(self.product(above, scope), axes) if above else Operand("1")
        if not below:
            return top
        bottom = aligned(self.product(below, scope), axes)
        return Operand(f"{top.within(PRODUCT)} / {bottom.within(POWER)}", axes, PRODUCT)

    def _power(self, power: Expr, scope: Axes) -> Operand:
        if power.exp.is_negative:
            return self._quotient(Integer(1), (power,), scope)
        base, exponent = self.pointwise(power.base, scope), self.pointwise(power.exp, ())
        simple = base.text.isdigit() or all(word.isidentifier() for word in base.text.split("."))
        sign = "**" if simple and exponent.binding != PRODUCT else " ** "
        return Operand(f"{base.within(ATOM)}{sign}{exponent.within(SIGN)}", base.axes, POWER)

    def _application(self, application: Function, scope: Axes) -> Operand:
        name = NAMES[type(application)]
        arguments = [self.pointwise(argument, scope) for argument in application.args]
        axes = union(arguments, scope)
        text = FUNCTIONS[name].format(*(aligned(argument, axes).text for argument in arguments))
        if not axes and not accesses(application):  # a NumPy scalar would not give way to the dtype of an array
            text = f"float({text})"
        return Operand(text, axes)

    def element(self, access: Expr, scope: Axes, filled: bool = False) -> Operand:
        """The text of an access over whole axes, in the order of the tensor; an index may occur in it more than once.

        Where an index expression leaves its axis the element is zero if `filled`, and otherwise any: a guard is to
        discard it.
        """
        tensor, indices = tensor_of(access), indices_of(access)
        if tensor in self.inlined:
            folded = self.inlined[tensor]
            return self.fold(replace(self, axes=None), folded).renamed(definition(folded, access))
        shape = self.shapes[tensor]
        lead = 0
        while lead < len(indices) and self._fixed(indices[lead], shape[lead], scope):
            lead += 1
        text = self.name(tensor, indices[:lead])
        axes: list[Idx] = []
        for axis, (index, extent) in reversed(list(enumerate(zip(indices[lead:], shape[lead:], strict=True)))):
            if spans(index, extent):
                axes.insert(0, index)
                continue
            own = self.within(index, scope)
            at = self.index(index, own)
            text = f"gather({text}, {axis}, {at})" if filled else f'{text}.take({at}, axis={axis}, mode="clip")'
            axes[:0] = own
        return Operand(text, tuple(axes))

    def within(self, index: Expr, scope: Axes) -> Axes:
        """The indices in an index expression that are axes: in p + u - 1 first p, then u."""
        return tuple(i for i in indices_in(index) if i in scope)

    def index(self, index: Expr, axes: Axes) -> str:
        """An index expression as an integer array over these axes."""
        return linear(index, {i: spread(i, self.names[i.name], axes) for i in axes}, self.names)

    def _fixed(self, index: Expr, extent: Expr, scope: Axes) -> bool:
        """Whether an index is that of a loop, or a constant on its axis whatever the sizes are."""
        indices = indices_in(index)
        if indices:
            return not set(indices) & set(scope)
        return bool(index.is_nonnegative) and bool((extent - 1 - index).expand().is_nonnegative)


def distinct(operand: Operand) -> Operand:
    """The operand with every index on one axis: the diagonal of an access A[k,k]."""
    axes = tuple(dict.fromkeys(operand.axes))
    if axes == operand.axes:
        return operand
    if len(operand.axes) == 2:
        return Operand(f"np.diagonal({operand.text})", axes)
    return Operand(einsum([operand], axes), axes)


def einsum(operands: list[Operand], result: Axes) -> str:
    """The contraction of operands to these axes by np.einsum, in the letters of the equations where they have one."""
    letters: dict[Idx, str] = {}
    spare = iter("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
    every = tuple(dict.fromkeys(axis for operand in operands for axis in operand.axes))
    own = {axis.name for axis in every if len(axis.name) == 1 and axis.name.isascii() and axis.name.isalpha()}
    for axis in every:
        letters[axis] = axis.name if axis.name in own else next(letter for letter in spare if letter not in own)
    parts = ",".join("".join(letters[axis] for axis in operand.axes) for operand in operands)
    form = f"{parts}->{''.join(letters[axis] for axis in result)}"
    quick = ", optimize=True" if len(operands) > 1 else ""
    return f'np.einsum("{form}", {", ".join(operand.text for operand in operands)}{quick})'
