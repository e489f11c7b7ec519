"""The element types a C kernel can have."""

from dataclasses import dataclass

from grusym.errors import InputError


@dataclass(frozen=True)
class CType:
    """A C floating type: how it is written, and what names and literals of it end in."""

    dtype: str  # as NumPy names it
    name: str
    suffix: str  # of functions: gru_forward_f32
    mark: str  # of literals and of the functions of math.h: 0.5f, tanhf


C_TYPES: dict[str, CType] = {
    "float32": CType("float32", "float", "f32", "f"),
    "float64": CType("float64", "double", "f64", ""),
}


def c_type(dtype: str) -> CType:
    """The C type for a NumPy dtype's name. Raises InputError where C kernels have none."""
    if dtype not in C_TYPES:
        raise InputError(f"C kernels have no dtype {dtype!r}; choose one of {', '.join(C_TYPES)}")
    return C_TYPES[dtype]
