"""The functions that math.h does not have, as static C functions; a kernel gets those that it uses."""

from grusym.emit.c_types import CType

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


def c_function(name: str, ctype: CType) -> str:
    """The definition of one of these functions, such as sigmoid_f32.

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
    return f"static inline {ctype.name} {name}_{ctype.suffix}({parameters})\n{{\n{text}}}\n"
