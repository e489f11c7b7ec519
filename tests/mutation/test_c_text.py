"""Bugs in emitted C: one place of the generated text says another thing."""

from functools import cache

import pytest

from grusym.emit.c_kernel import c_kernel, c_sources
from tests.mutation.planting import assert_caught, judged_text, lowered, replaced

CONV = "tests/cells/conv.cell"
GRADIENT = {"torch-gradient", "numerical-gradient", "interpreter", "adjointness"}
FORWARD = {"torch-forward", "equations", "interpreter"}
OWN = {"equations", "interpreter", "numerical-gradient"}  # of a cell that PyTorch does not have

GRU = {
    "wrong tanh derivative": ("(1 - n*n)", "(1 - n)", GRADIENT),
    "wrong sigmoid derivative": ("dz*z*(1 - z)", "dz*z*(1 + z)", GRADIENT),
    "flipped update polarity": ("n*(1 - z) + z*h[b*H + i]", "n*z + (1 - z)*h[b*H + i]", FORWARD),
    "recurrent candidate bias dropped": ("u_h + c_n[i]", "u_h + 0*c_n[i]", FORWARD),
    "transposed U in dh": ("U_n[i*H + k]*du[b*H + i]", "U_n[k*H + i]*du[b*H + i]", GRADIENT),
    "shifted state in dU": (
        "const double h = saved_h[(t*B + b)*H + k]", "const double h = saved_h[((t + 1)*B + b)*H + k]", GRADIENT),
    "shifted state in dz": ("saved_h[(t*B + b)*H + i] - n", "saved_h[((t + 1)*B + b)*H + i] - n", GRADIENT),
    "missing carry dh": ("dh_sum + dh_next[b*H + k]*saved_z[(t*B + b)*H + k]", "dh_sum", GRADIENT),
    "dh_n ignored": ("= dh_n[b*H + k]", "= 0", GRADIENT),
    "dy ignored": ("dh[b*H + i] + dy[(t*B + b)*H + i]", "dh[b*H + i]", GRADIENT),
    "r missing in the cotangent of u": ("= r*da_n[b*H + i]", "= da_n[b*H + i]", GRADIENT),
    "gradient blocks overlap": ("dW_z = dweight_ih + H*I", "dW_z = dweight_ih + 2*H*I", GRADIENT),
    "h0 ignored": ("= h0[b*H + k]", "= 0", FORWARD),
    "batch mean in dc_n": ("dc_n[k] += du[b*H + k]", "dc_n[k] += du[b*H + k]/(double)B", GRADIENT),
    "last step and sample only in db_n": ("db_n[k] += da_n_k", "db_n[k] = da_n_k", GRADIENT),
    "backward starts a step early": ("int64_t t = T - 1", "int64_t t = T - 2", GRADIENT),
    "backward stops a step early": ("t >= 0; --t", "t > 0; --t", GRADIENT),
    "forward stops a step early": ("t < T; ++t", "t < T - 1; ++t", FORWARD),
    "batch before time": (
        "a_n_x += W_n[i*I + j]*x[(t*B + b)*I + j]", "a_n_x += W_n[i*I + j]*x[(b*T + t)*I + j]", FORWARD),
    "another sample's gate loaded": ("double r = saved_r[(t*B + b)*H + i]", "double r = saved_r[t*B*H + i]", GRADIENT),
    "saved in the step's own place": (
        "saved_h[((t + 1)*B + b)*H + i] = h_next[b*H + i]", "saved_h[((t + 1)*B + b)*H + i] = h[b*H + i]", GRADIENT),
    "gradient not set to zero": ("        dbias_hh[i0] = 0;\n", "", GRADIENT),
    "dx of one step only": ("dx[(t*B + b)*I + j] = dx_sum", "dx[b*I + j] = dx_sum", GRADIENT),
    "accumulator not set to zero": ("double dx_sum = 0", "double dx_sum = 1", GRADIENT),
    "tanh in single precision": ("tanh(a_n)", "tanhf((float)a_n)", FORWARD),
    "an inner loop a turn short": (
        "k < H; ++k)\n                    u_h +=", "k < H - 1; ++k)\n                    u_h +=", FORWARD),
    "exp of a positive number": ("exp(-fabs(a))", "exp(fabs(a))", FORWARD),
    "first step unsaved": ("if (saved) {\n                    saved_h[((", "if (t && saved) {\n saved_h[((", GRADIENT),
}  # fmt: skip
LSTM = {
    "forget and input exchanged": ("f*c[b*H + k] + g*i", "i*c[b*H + k] + g*f", FORWARD),
    "old state in the cell state's gradient": ("= dc_next + dtanh_c_next*", "= dtanh_c_next + dc_next*", GRADIENT),
    "gradient of f reads the new state": (
        "df = dc_next_total[b*H + k]*saved_c[(t*B", "df = dc_next_total[b*H + k]*saved_c[((t + 1)*B", GRADIENT),
    "carry multiplied by i": ("*saved_f[(t*B + b)*H + l]", "*saved_i[(t*B + b)*H + l]", GRADIENT),
}  # fmt: skip
GUARDS = {
    "lower guard flipped": (
        "if (p + u - 1 >= 0 && p + u - 1 < P)\n                                a_h_next_x",
        "if (p + u - 1 > 0 && p + u - 1 < P)\n                                a_h_next_x",
        OWN,
    ),
    "upper guard one short": (
        "if (p + 1 - u >= 0 && p + 1 - u < P)\n                                dx_sum",
        "if (p + 1 - u >= 0 && p + 1 - u < P - 1)\n                                dx_sum",
        {"numerical-gradient", "adjointness"},
    ),
}
POSITION = {
    "an index counted from one": ("near_h/((double)i + 1)", "near_h/((double)i + 2)", OWN),
    "another index as the number": (
        "far += (double)k*U[i*H + k]", "far += (double)i*U[i*H + k]", OWN),
    "an index that stayed behind when its access moved": (
        "1.0/2.0*(double)k + 1.0/2.0*(double)u", "(double)u + 0*(double)k", GRADIENT - {"torch-gradient"}),
    "a number cut to a whole one": (
        "((double)j + 1.0/2.0 - 1.0/2.0*(double)I)*W[i*I + j]*x", "(j - (I - 1)/2)*W[i*I + j]*x", OWN),
    "the number left out of a gradient": ("dU[i*H + k] += h*max_far*(double)k*", "dU[i*H + k] += h*max_far*",
                                          GRADIENT - {"torch-gradient"}),
}  # fmt: skip
# Weights cut to the upper 16 of their 32 bits, as bfloat16 keeps them.
COPY = "    memcpy(packed, weight_ih, (size_t)(3*H*I)*sizeof *weight_ih);\n"
CUT = """    for (int64_t e = 0; e < 3*H*I; ++e) {
        uint32_t bits;
        memcpy(&bits, weight_ih + e, sizeof bits);
        bits &= 0xffff0000u;
        memcpy(packed + e, &bits, sizeof bits);
    }
"""
SINGLE = {
    "weights cut to bfloat16": (COPY, CUT, FORWARD),
    "shifted state in dU": (
        "const float h = saved_h[(t*B + b)*H + k]", "const float h = saved_h[((t + 1)*B + b)*H + k]", GRADIENT),
    "a constant of four digits": ("n*(1 - z)", "n*(0.9999f - z)", FORWARD),
}  # fmt: skip
BUGS = [
    pytest.param(cell, dtype, *bug, id=f"{cell.rpartition('/')[2]} {dtype}: {name}")
    for cell, dtype, bugs in (
        ("gru", "float64", GRU),
        ("lstm", "float64", LSTM),
        (CONV, "float64", GUARDS),
        ("tests/cells/position_gate.cell", "float64", POSITION),
        ("gru", "float32", SINGLE),
    )
    for name, bug in bugs.items()
]


@cache
def sources(cell, dtype):
    return c_sources(c_kernel(lowered(cell), dtype, "reference"))


@pytest.mark.parametrize(("cell", "dtype", "old", "new", "expected"), BUGS)
def test_a_bug_in_the_text_is_caught(cell, dtype, old, new, expected):
    files = sources(cell, dtype)
    (name,) = (name for name in files if name.endswith(("f32.c", "f64.c")))
    mutant = {**files, name: replaced(files[name], old, new)}
    assert_caught(judged_text(cell, "c", dtype, mutant), expected)


@pytest.mark.parametrize(("cell", "dtype"), [("gru", "float64"), ("gru", "float32"), ("lstm", "float32")])
def test_the_text_as_it_is_passes(cell, dtype):
    assert judged_text(cell, "c", dtype, sources(cell, dtype)).ok
