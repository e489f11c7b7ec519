"""The text of generated C: the same on every run and for every size, documented, and wrong where it is made wrong."""

import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from sympy import Rational, Symbol, pi

from grusym.emit.c_expression import Context, scalar
from grusym.emit.c_kernel import c_kernel, c_sources, emit_c
from grusym.emit.c_lines import WIDTH, comment, fold
from grusym.emit.c_types import C_TYPES, c_type
from grusym.emit.generate import generate
from grusym.equations.cell import Cell
from grusym.errors import InputError, LoweringError
from grusym.lower.ir import Assign, Kernel
from grusym.lower.lowered import lower
from tests.emit.c_programs import OWN, PACKED, STRICT, TORCH, files_of, kernel_of, program, succeed, write

ROOT = Path(__file__).parents[2]
HASHES = """
import hashlib
from grusym.emit.generate import generate
for cell, convention in (("gru", "torch"), ("lstm", None), ("tests/cells/conv.cell", None)):
    for name, text in sorted(generate(cell, "c", "float64", convention).files.items()):
        print(name, hashlib.sha256(text.encode()).hexdigest())
"""


def test_the_text_does_not_depend_on_the_hash_seed():
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", HASHES],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed in ("0", "4711")
    ]
    printed = {process.communicate(timeout=120)[0] for process in processes}
    assert len(printed) == 1
    assert printed.pop().count("\n") == 15


def test_generating_twice_gives_the_same_bytes():
    assert generate("gru", "c", "float32", "torch").files == files_of("gru", "torch", "float32")


@pytest.mark.parametrize(("name", "convention"), [("gru", "torch"), ("conv.cell", None), ("strided channels", None)])
def test_no_number_in_the_kernel_is_a_size(name, convention):
    # What stands in the code are the cell's own constants and coefficients of sizes.
    kernel = kernel_of(name, convention, "float32")
    code = re.sub(r"/\*.*?\*/", "", files_of(name, convention, "float32")[f"{kernel.base}.c"], flags=re.S)
    code = re.sub(r"[A-Za-z_]\w*|\d+\.\d+", "", code)
    assert {int(n) for n in re.findall(r"\d+", code)} <= {0, 1, 2, 3, 4, 5, 6}


@pytest.mark.parametrize(("name", "convention"), [*OWN, *TORCH, *PACKED])
def test_lines_are_short_and_clean(name, convention):
    for text in c_sources(kernel_of(name, convention, "float32")).values():
        assert text.endswith(("}\n", "#endif\n"))
        code = text.split(" */\n", 1)[1]  # the banner holds the cell as its author wrote it
        for line in code.split("\n"):
            assert len(line) <= WIDTH, line
            assert line == line.rstrip()
            assert "\t" not in line


def test_the_header_tells_shapes_layout_costs_and_how_to_call():
    text = files_of("gru", "torch", "float32")["gru_f32.h"]
    for line in (
        " * gru_f32.h: a layer of gru cells in float32",
        " *         h'[i] = (1 - z[i]) n[i] + z[i] h[i]",
        "#define GRUSYM_GRU_F32_ABI_VERSION 1",
        " *     gru_forward_packed_f32(T, B, I, H, x, h0, packed, y, h_n, saved, workspace);",
        " *   in  weight_ih  (3*H, I)  W_r, W_z, W_n, one after the other",
        " *     saved_h  (T + 1, B, H)  h before the first step and after each",
        " *   in   dh_n        (B, H)     cotangent of h_n",
        " * Per step and sample: 3*H*(H + I) multiply-adds, 11*H adds, 3*H multiplies, 2*H sigmoid, H tanh.",
    ):
        assert f"\n{line}\n" in text
    assert f" * fingerprint {kernel_of('gru', 'torch', 'float32').fingerprint}\n" in text


def test_the_header_says_what_backward_computes_again():
    text = files_of("layer_norm.cell", None, "float64")["layer_norm_f64.h"]
    assert "\n * Cheaper to compute again than to save: " in text
    assert "Cheaper to compute again" not in files_of("gru", "torch", "float32")["gru_f32.h"]


def test_the_plain_signatures_are_those_of_the_contract():
    text = " ".join(files_of("gru", "torch", "float32")["gru_f32_plain.c"].split())
    assert (
        "int gru_forward_f32(int64_t T, int64_t B, int64_t I, int64_t H, const float *restrict x, "
        "const float *restrict h0, const float *restrict weight_ih, const float *restrict weight_hh, "
        "const float *restrict bias_ih, const float *restrict bias_hh, float *restrict y, float *restrict h_n)"
    ) in text
    assert (
        "const float *restrict dy, const float *restrict dh_n, float *restrict dx, float *restrict dh0, "
        "float *restrict dweight_ih, float *restrict dweight_hh, float *restrict dbias_ih, float *restrict dbias_hh)"
    ) in text


def test_a_cotangent_is_not_called_by_a_keyword():
    text = files_of("lstm", None, "float32")["lstm_f32.c"]
    assert "do_" in text
    assert not re.search(r"float \*?do\b", text)


PLANTED = [
    ("sigmoid's scale", "(1 + e)", "(1.01f + e)"),
    ("tanh's derivative", "dn*(1 - n*n)", "dn*(1 - n)"),
    ("the update gate's complement", "n*(1 - z)", "n*(1 + z)"),
    ("a dropped bias", " + b_r[i]", ""),
    ("the carry", "dh_next[b*H + k]*saved_z", "0*saved_z"),
    ("the hidden state one step late", "saved_h[((t + 1)*B + b)*H + i]", "saved_h[(t*B + b)*H + i]"),
    ("a transposed weight", "U_r[i*H + k]*h[b*H + k]", "U_r[k*H + i]*h[b*H + k]"),
    ("gradients that add up", "dbias_hh[i0] = 0;", ""),
]


@pytest.mark.parametrize(("old", "new"), [change[1:] for change in PLANTED], ids=[change[0] for change in PLANTED])
def test_the_self_test_finds_a_planted_mistake(old, new, tmp_path):
    path = program("gcc")
    files = dict(files_of("gru", "torch", "float32"))
    banner, code = files["gru_f32.c"].split(" */\n", 1)
    assert old in code
    files["gru_f32.c"] = f"{banner} */\n{code.replace(old, new, 1)}"
    if "dbias_hh" in old:  # zero by chance, otherwise
        files["gru_f32_selftest.c"] = files["gru_f32_selftest.c"].replace("dbias_hh[12];", "dbias_hh[12] = {1};")
    write(files, tmp_path)
    units = ("gru_f32.c", "gru_f32_plain.c", "gru_f32_selftest.c")
    succeed([path, *STRICT[:1], "-O1", *units, "-o", "selftest", "-lm"], tmp_path)
    result = subprocess.run(["./selftest"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 1, result.stdout
    assert result.stdout.endswith("gru_f32: WRONG\n")


REFUSING = Cell.parse("ramp(x[i], h[i]) -> h'[i]  axes i: H\n h'[i] = tanh(x[i] + 2 i/(H-1) h[i])")


def test_the_self_test_calls_at_sizes_that_have_to_be_refused(tmp_path):
    files = write_and_run(REFUSING, tmp_path)
    source = tmp_path / "ramp_f64.c"
    assert files[source.name].count("return H != 1;") == 1
    source.write_text(files[source.name].replace("return H != 1;", "return H > 0;"), encoding="utf-8")
    succeed([program("cc"), source.name, "ramp_f64_plain.c", "ramp_f64_selftest.c", "-o", "selftest", "-lm"], tmp_path)
    result = subprocess.run(["./selftest"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (1, "ramp_forward_f64 returned 0 where not H != 1\n")


def test_the_header_names_the_status_for_sizes_without_values():
    text = " ".join(emit_c(lower(REFUSING), "float32", "reference")["ramp_f32.h"].split())
    why = "The equations have no value at these sizes: H != 1 is needed, since they divide by H - 1"
    assert f"/* {why} */ GRUSYM_RAMP_F32_NO_VALUE = -4 }};" in text
    assert "NO_VALUE" not in "".join(files_of("gru", "torch", "float32").values())


def test_the_self_test_takes_positive_numbers_where_a_cell_needs_them(tmp_path):
    cell = Cell.parse("logs(x[i], h[i]) -> h'[i]  axes i: H\n h'[i] = tanh(w[i] log(x[i]) + sqrt(h[i] + 3))")
    files = write_and_run(cell, tmp_path)
    assert "-" not in files["logs_f64_selftest.c"].split("x[] = {")[1].split("}")[0]


def write_and_run(cell: Cell, directory: Path) -> dict[str, str]:
    files = emit_c(lower(cell), "float64", "reference")
    write(files, directory)
    base = f"{cell.symbol}_f64"
    units = (f"{base}.c", f"{base}_plain.c", f"{base}_selftest.c")
    succeed([program("cc"), *STRICT, *units, "-o", "selftest", "-lm"], directory)
    assert succeed(["./selftest"], directory) == f"{base}: ok\n"
    return files


def test_a_cell_without_real_results_has_no_self_test():
    cell = Cell.parse("never(x[i], h[i]) -> h'[i]  axes i: H\n h'[i] = log(x[i] - 3) + h[i]")
    with pytest.raises(LoweringError, match=r"^never has no self-test: .* not real and finite; scale the equations"):
        emit_c(lower(cell), "float32", "reference")


def printed(value, dtype: str = "float32") -> str:
    return scalar(value, Context(C_TYPES[dtype], Kernel("forward", (), (), (), ())))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Rational(1, 2), "1.0f/2.0f"),
        (Rational(-3), "-3"),
        (Rational(2**24), "16777216"),
        (Rational(2**24 + 1), "16777217.0f"),
        (Rational(1, 10**9), "1.0e-9f"),
        (Rational(-1, 10**9), "-1.0e-9f"),
        (pi, "3.14159265358979323846f"),
        (Symbol("H", integer=True, positive=True), "(float)H"),
    ],
)
def test_constants_are_exact_or_decimal(value, text):
    assert printed(value) == text


def test_a_constant_that_the_type_cannot_hold_is_refused():
    with pytest.raises(LoweringError, match=r"^the constant 1e\+39 does not fit float32, .* or use float64$"):
        printed(Rational(10**39))
    assert printed(Rational(10**39), "float64") == "1.0e+39"


def test_what_only_another_schedule_could_print_is_refused():
    kernel = kernel_of("gru", None, "float32")
    plain = replace(kernel, forward=kernel.lowered.forward)
    with pytest.raises(LoweringError, match=r"^a C kernel needs a schedule that serialises h\[b, k\]$"):
        c_sources(plain)
    (statement, *rest) = kernel.lowered.backward.body
    assert isinstance(statement, Assign)
    assert rest


def test_unknown_types_and_schedules_are_refused():
    with pytest.raises(InputError, match=r"^kernels have no dtype 'float16'; choose float32 or float64$"):
        c_type("float16")
    with pytest.raises(InputError, match=r"^kernels have no dtype \['float32'\]; choose float32 or float64$"):
        generate("gru", "c", ["float32"])
    with pytest.raises(InputError, match=r"^unknown schedule 'quick'; known are reference$"):
        generate("gru", "numpy", schedule="quick")
    with pytest.raises(InputError, match=r"^unknown schedule 'quick'; known are reference$"):
        c_kernel(lower(Cell.parse("a(x[i], h[i]) -> h'[i]  axes i: H\n h'[i] = x[i] + h[i]")), "float32", "quick")
    with pytest.raises(InputError, match=r"^the cell is a int; pass a Cell, or its spelling on the command line$"):
        generate(3)


def test_folding_breaks_before_operators_and_behind_commas():
    assert fold("    f(aaaa, bbbb);", 14) == ["    f(aaaa,", "        bbbb);"]
    assert fold("short = 1;") == ["short = 1;"]
    assert comment("/* a */ ??/") == "/ * a * / ? ?/"
