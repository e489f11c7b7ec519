"""The element types a C kernel can have."""

from dataclasses import dataclass

from sympy import Expr

from grusym.errors import InputError, LoweringError

DIGITS = 21  # of a literal: more than a double tells apart


@dataclass(frozen=True)
class CType:
    """A C floating type: how it is written, what names and literals of it end in, and what it can hold."""

    dtype: str  # as NumPy names it
    name: str
    suffix: str  # of functions: gru_forward_f32
    mark: str  # of literals and of the functions of math.h: 0.5f, tanhf
    largest_integer: int  # all integers up to it are exact
    range: tuple[float, float]  # of normal numbers

    def literal(self, number: Expr) -> str:
        """A constant in decimal. Raises LoweringError where the type cannot hold it.

        >>> from sympy import Rational
        >>> C_TYPES["float32"].literal(Rational(1, 10**9))
        '1.0e-9f'
        """
        value = abs(float(number))
        if value and not self.range[0] <= value <= self.range[1]:
            raise LoweringError(
                f"the constant {float(number):g} does not fit {self.dtype}, which reaches from {self.range[0]:g} to "
                f"{self.range[1]:g}; scale the equation" + (", or use float64" if self.mark else "")
            )
        import mpmath

        with mpmath.workdps(DIGITS):
            return f"{mpmath.nstr(mpmath.mpf(str(number.evalf(DIGITS))), DIGITS)}{self.mark}"


C_TYPES: dict[str, CType] = {
    "float32": CType("float32", "float", "f32", "f", 2**24, (2.0**-126, (2 - 2.0**-23) * 2.0**127)),
    "float64": CType("float64", "double", "f64", "", 2**53, (2.0**-1022, (2 - 2.0**-52) * 2.0**1023)),
}


def c_type(dtype: str) -> CType:
    """The C type for a NumPy dtype's name. Raises InputError where kernels have none."""
    if not isinstance(dtype, str) or dtype not in C_TYPES:
        raise InputError(f"kernels have no dtype {dtype!r}; choose {' or '.join(C_TYPES)}")
    return C_TYPES[dtype]
