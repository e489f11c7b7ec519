"""What leaves a GRU the same function: reparametrisations of its tensors from one form to another.

Polarity: sigmoid(-a) = 1 - sigmoid(a), so that negating W_z, U_z and the biases of z exchanges update=keep and write.
The two biases of r and z stand in one sum and fold into one, those of the candidate only where the reset gate acts
before. Reset before and after are different functions.
"""

from collections.abc import Mapping
from typing import Any

from grusym.errors import InputError

GATES = "rzn"
RECURRENT = {"two": GATES, "candidate": "n", "one": "", "none": ""}  # gates with a recurrent bias, per `biases`
THEOREM = (
    "reset=before and reset=after are different functions: inside tanh, before_i - after_i = sum_j U_n[i,j] "
    "(r_j - r_i) h_j + c_n[i] (1 - r_i), which is always 0 only where U_n is diagonal (as for H = 1) and c_n is 0"
)


def reparametrised(tensors: Mapping[str, Any], old: Mapping[str, str], new: Mapping[str, str]) -> dict[str, Any]:
    """The tensors of a GRU with the options `new` that computes what `tensors` do in one with the options `old`.

    Raises InputError, saying why, where there are none for these values.
    """
    found = dict(tensors)
    if old["reset"] != new["reset"]:
        if old["reset"] == "before":
            _fold(found, "n")
        _require_same_function(found)
    if old["update"] != new["update"]:
        found |= {name: -found[name] for name in ("W_z", "U_z", "b_z", "c_z") if name in found}
    if old["biases"] != new["biases"]:
        _rearrange_biases(found, new)
    return found


def _fold(tensors: dict[str, Any], gate: str) -> None:
    """Add the recurrent bias of a gate to its input bias, in place."""
    if f"c_{gate}" in tensors:
        tensors[f"b_{gate}"] = tensors[f"b_{gate}"] + tensors.pop(f"c_{gate}")
        tensors[f"c_{gate}"] = tensors[f"b_{gate}"] * 0


def _require_same_function(tensors: Mapping[str, Any]) -> None:
    import numpy as np

    matrix = np.array(tensors["U_n"])
    np.fill_diagonal(matrix, 0)
    for name, array in (("U_n", matrix), ("c_n", np.asarray(tensors.get("c_n", 0)))):
        where = np.argwhere(array != 0)
        if len(where):
            at = tuple(map(int, where[0]))
            raise InputError(f"{THEOREM}; here {name}[{', '.join(map(str, at))}] is {array[at]!s}")


def _rearrange_biases(tensors: dict[str, Any], new: Mapping[str, str]) -> None:
    import numpy as np

    zero = np.zeros_like(tensors["U_n"][:, 0])
    kept = RECURRENT[new["biases"]]
    for gate in GATES:
        b, c = f"b_{gate}", f"c_{gate}"
        if gate not in kept and c in tensors:
            if gate != "n" or new["reset"] == "before":
                _fold(tensors, gate)
            if np.any(tensors[c]):
                raise InputError(
                    "with reset=after the recurrent bias of the candidate is multiplied by r, so that it does not fold "
                    f"into b_n, and biases={new['biases']} has no place for it; here c_n is not 0"
                )
            del tensors[c]
        elif gate in kept:
            tensors.setdefault(c, zero)
        if new["biases"] == "none":
            if np.any(tensors.pop(b, zero)):
                raise InputError(f"biases=none has no place for the biases of {gate}, which are not 0")
        else:
            tensors.setdefault(b, zero)
