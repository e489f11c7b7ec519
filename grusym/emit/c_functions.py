"""The functions of the notation in C: those of math.h, and static functions for the others, which a kernel brings."""

from grusym.emit.c_types import CType

LIBRARY = {
    "cos": "cos",
    "erf": "erf",
    "exp": "exp",
    "log": "log",
    "sin": "sin",
    "sqrt": "sqrt",
    "tanh": "tanh",
    "abs": "fabs",
}
BODIES = {
    "sigmoid": (
        ("a",),
        "    /* exp of a negative number only: no overflow, full relative accuracy on both sides */\n"
        "    const @real e = exp@(-fabs@(a));\n"
        "    return (a >= 0 ? 1 : e)/(1 + e);\n",
    ),
    "relu": (("a",), "    return a <= 0 ? 0 : a; /* NaN stays NaN */\n"),
    "softplus": (("a",), "    return (a > 0 ? a : 0) + log1p@(exp@(-fabs@(a)));\n"),
    "step": (("a",), "    return a > 0 ? 1 : 0;\n"),
    "max": (("a", "b"), "    return a >= b || a != a ? a : b; /* NaN if either is */\n"),
    "min": (("a", "b"), "    return a <= b || a != a ? a : b; /* NaN if either is */\n"),
}


def called(name: str, ctype: CType) -> str:
    """What a function is called by: tanhf, sigmoid_f32."""
    return f"{LIBRARY[name]}{ctype.mark}" if name in LIBRARY else f"{name}_{ctype.suffix}"


def c_function(name: str, ctype: CType) -> str:
    """The definition of a function that math.h does not have.

    >>> from grusym.emit.c_types import C_TYPES
    >>> print(c_function("relu", C_TYPES["float32"]), end="")
    static inline float relu_f32(float a)
    {
        return a <= 0 ? 0 : a; /* NaN stays NaN */
    }
    """
    arguments, body = BODIES[name]
    text = body.replace("@real", ctype.name).replace("@", ctype.mark)
    parameters = ", ".join(f"{ctype.name} {argument}" for argument in arguments)
    return f"static inline {ctype.name} {called(name, ctype)}({parameters})\n{{\n{text}}}\n"
