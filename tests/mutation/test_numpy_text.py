"""Bugs in emitted NumPy: one place of the generated text says another thing."""

from functools import cache

import pytest

from grusym.emit.numpy_kernel import emit_numpy
from tests.mutation.planting import assert_caught, judged_text, lowered, replaced

CONV = "tests/cells/conv.cell"
GRADIENT = {"torch-gradient", "numerical-gradient", "interpreter", "adjointness"}
FORWARD = {"torch-forward", "equations", "interpreter"}

GRU = {
    "wrong tanh derivative": ("dn * (1 - n**2)", "dn * (1 - n)", GRADIENT),
    "wrong sigmoid derivative": ("dr * r * (1 - r)", "dr * r", GRADIENT),
    "flipped update polarity": ("(1 - z) * n + z * h", "z * n + (1 - z) * h", FORWARD),
    "recurrent candidate bias dropped": ("h @ U_n.T + c_n", "h @ U_n.T", FORWARD),
    "transposed U in dh": ("da_r @ U_r", "da_r @ U_r.T", GRADIENT),
    "transposed U in forward": ("h @ U_z.T", "h @ U_z", FORWARD),
    "shifted state in dU and dz": ('h = saved["h"][t]', 'h = saved["h"][t + 1]', GRADIENT),
    "missing carry dh": ("dh_next * z + da_r @ U_r", "da_r @ U_r", GRADIENT),
    "dh_n ignored": ("dh = dh_n.copy()", "dh = np.zeros_like(dh_n)", GRADIENT),
    "r missing in the cotangent of u": ("du = da_n * r", "du = da_n", GRADIENT),
    "h0 ignored": ("h = h0.copy()", "h = np.zeros_like(h0)", FORWARD),
    "batch mean": ("dc_n += du.sum(axis=0)", "dc_n += du.mean(axis=0)", GRADIENT),
    "last step only": ("db_n += da_n", "db_n[:] = da_n", GRADIENT),
    "time runs upwards": ("in reversed(range(T))", "in range(T)", GRADIENT),
    "backward starts a step early": ("reversed(range(T))", "reversed(range(T - 1))", GRADIENT),
    "gate blocks exchanged": ("dU_r, dU_z, dU_n = np.split", "dU_z, dU_r, dU_n = np.split", GRADIENT),
    "states saved without a copy": ('saved["z"][t] = z', 'saved["z"][t] = r', GRADIENT),
    "the input overwritten": ("h_n = h\n", "h_n = h\n    x *= 2\n", {"runs"}),
    "single precision inside": ("np.tanh(", "np.tanh(np.float32(1) * 1.0000001 * ", FORWARD),
}
CONVOLUTION = {
    "kernel not turned": (
        """scp", gather(da_h_next, 2, p[:, None] - u + 1), U""",
        """scp", gather(da_h_next, 2, p[:, None] + u - 1), U""",
        {"numerical-gradient", "adjointness"},
    ),
    "guard left out": (
        'return np.where(kept, array.take(index, axis=axis, mode="clip"), 0)',
        'return array.take(index, axis=axis, mode="clip") + 0 * kept',
        {"equations", "interpreter"},
    ),
}
POSITION = {
    "another index as the number": (
        "k_number * ((da_tanh_far * max_far) @ U)", "(da_tanh_far * max_far * i_number) @ U",
        {"numerical-gradient", "interpreter", "adjointness"}),
    "an index counted from one": ("l.sum()", "(l + 1).sum()", {"equations", "interpreter", "numerical-gradient"}),
    "a sign of a number": (
        "np.exp(-((i_number[:, None] - k) ** 2)", "np.exp(-((i_number[:, None] + k) ** 2)",
        {"equations", "interpreter", "numerical-gradient"}),
}  # fmt: skip
BUGS = [
    pytest.param(cell, *bug, id=f"{cell.rpartition('/')[2]}: {name}")
    for cell, bugs in (("gru", GRU), (CONV, CONVOLUTION), ("tests/cells/position_gate.cell", POSITION))
    for name, bug in bugs.items()
]


@cache
def sources(cell):
    return emit_numpy(lowered(cell))


@pytest.mark.parametrize(("cell", "old", "new", "expected"), BUGS)
def test_a_bug_in_the_text_is_caught(cell, old, new, expected):
    ((name, text),) = sources(cell).items()
    assert_caught(judged_text(cell, "numpy", "float64", {name: replaced(text, old, new)}), expected)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_text_as_it_is_passes(dtype):
    assert judged_text("gru", "numpy", dtype, sources("gru")).ok
