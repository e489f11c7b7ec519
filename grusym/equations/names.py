"""How tensors derived from a cell's tensors are called, in code as in documents, and which names are taken by that.

For a state h: h' is its update (`h_next` in code), h0 its initial value, h_n its final one. The cotangent of X is dX.
"""

import keyword
from collections.abc import Iterable

C_KEYWORDS = frozenset(
    "auto break case char const continue default do double else enum extern float for goto if inline int long register "
    "restrict return short signed sizeof static struct switch typedef union unsigned void volatile while main".split()
)
# C++ reads the headers of C kernels.
CPP_KEYWORDS = frozenset(
    "alignas alignof and_eq asm bitand bitor bool catch char16_t char32_t compl concept const_cast constexpr decltype "
    "delete dynamic_cast explicit export false friend mutable namespace new noexcept not_eq nullptr operator or_eq "
    "private protected public reinterpret_cast requires static_assert static_cast template this thread_local throw "
    "true typeid typename using virtual wchar_t xor xor_eq".split()
)
# What a C kernel calls or casts to, where a variable of that name would hide it; and macros, which no name escapes.
LIBRARY_NAMES = frozenset(
    "size_t memcpy malloc free printf fabs log1p pow sizes_are_good sizes_have_values NAN INFINITY HUGE_VAL EOF "
    "SIZE_MAX PTRDIFF_MAX stdin stdout stderr errno unix linux cosf erff expf fabsf logf log1pf powf sinf sqrtf "
    "tanhf".split()
) | {f"{name}_{suffix}" for name in "sigmoid relu softplus step max min".split() for suffix in ("f32", "f64")}
LAYER_NAMES = frozenset("y dy v_y packed saved workspace params np math grads tape value int64_t NULL".split())
LAYER_SIZES = frozenset(("T", "B"))


def code_name(name: str) -> str:
    """The identifier for a tensor's name in C and Python: ``h'`` is ``h_next``."""
    return name.replace("'", "_next")


def initial_name(state: str) -> str:
    """The state before the first step: h0."""
    return f"{state}0"


def final_name(state: str) -> str:
    """The state after the last step: h_n."""
    return f"{state}_n"


def cotangent_name(name: str) -> str:
    """The gradient of the loss with respect to a tensor: dh0 for h0, and do_ for o, since C keeps do for itself."""
    gradient = f"d{name}"
    return f"{gradient}_" if gradient in C_KEYWORDS | CPP_KEYWORDS else gradient


def tangent_name(name: str) -> str:
    """The directional derivative of a tensor: v_h for h."""
    return f"v_{name}"


def saved_name(name: str) -> str:
    """What the forward pass saves of a tensor, over time: saved_r for r."""
    return f"saved_{code_name(name)}"


def is_reserved(name: str) -> bool:
    """Whether a name means something to C, Python or every layer already."""
    own = C_KEYWORDS | CPP_KEYWORDS | LIBRARY_NAMES | LAYER_NAMES
    return keyword.iskeyword(name) or keyword.issoftkeyword(name) or name in own


def derived_names(tensors: Iterable[str], states: Iterable[str]) -> list[tuple[str, str]]:
    """(derived name, the tensor it comes from) for all that grusym will name after these tensors."""
    pairs = [(form(name), name) for name in tensors for form in (code_name, saved_name)]
    for state in states:
        pairs += [(initial_name(state), state), (final_name(state), state)]
    return pairs + [(prefix(name), source) for name, source in pairs for prefix in (cotangent_name, tangent_name)]


def fresh(candidates: Iterable[str], taken: Iterable[str]) -> str:
    """The first candidate that is not taken; after the last one, it is numbered."""
    used = set(taken)
    name = ""
    for name in candidates:
        if name not in used:
            return name
    number = 2
    while f"{name}{number}" in used:
        number += 1
    return f"{name}{number}"
