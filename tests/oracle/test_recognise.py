"""The convention is recognised by what fits; several that pack alike are all named."""

import sys
from pathlib import Path
from shlex import quote

import numpy as np
import pytest

from grusym.conventions.library import CONVENTIONS
from grusym.errors import InputError
from grusym.oracle.callables import Callables
from grusym.oracle.check import check, plan_of
from grusym.oracle.recognise import recognise, settled
from grusym.oracle.subject import Misbehaviour
from grusym.oracle.targets.python_target import python_subject
from grusym.oracle.targets.target import target_of
from tests.oracle.implementations import gru
from tests.oracle.libraries import generated
from tests.oracle.one_case import ratios
from tests.oracle.onnx_models import node, saved
from tests.oracle.planted.forward import over_time

MODULES = Path(__file__).with_name("torch_modules.py")


def keras(p):
    gates = np.split(p["kernel"], 3, axis=1), np.split(p["recurrent_kernel"], 3, axis=1), np.split(p["bias"], 3, axis=1)
    found = {}
    for gate, w, u, b in zip("zrn", *gates, strict=True):
        found |= {f"W_{gate}": w.T, f"U_{gate}": u.T, f"b_{gate}": b[0], f"c_{gate}": b[1]}
    return found


def names(forward):
    return [found.convention for found in recognise(Callables(forward), plan_of(None, "float32", "gru", None, 1, 0))]


def test_torch_is_recognised():
    assert names(gru)[0] == "torch"


def test_keras_is_recognised():
    assert names(over_time(keras)) == ["keras"]


def test_a_plain_function_of_the_cells_own_tensors_is_recognised():
    assert names(over_time(lambda p: p))[0] == "own"


def test_check_recognises_the_convention_and_says_so():
    report = check(over_time(keras), convention="auto", max_examples=3)
    assert (report.verdict, report.convention) == ("conforms", "keras")
    assert "recognised the convention keras" in report.notes
    assert "convention='keras'" in report.reproduce


def test_none_that_fits_is_an_error_that_says_what_to_do():
    with pytest.raises(InputError, match="no convention fits <lambda>: none of own, torch"):
        check(lambda x, h0, params: 1 / 0, convention="auto")


def module(name, cell="gru", convention="auto"):
    plan = plan_of(convention, "float64", cell, None, 1, 0)
    return settled(python_subject(name, None, plan), plan)


@pytest.mark.parametrize(
    ("name", "cell", "convention"),
    [
        ("torch.nn:GRU", "gru", "torch"),
        ("torch.nn:LSTMCell", "lstm", "torch"),
        (f"{MODULES}:INSTANCE", "gru", "torch"),
        (f"{MODULES}:LikeKeras", "gru", "keras"),
    ],
)
def test_a_module_is_recognised_by_the_names_of_its_parameters(name, cell, convention):
    subject, plan, notes = module(name, cell)
    assert (plan.convention, subject.assigned, subject.notes) == (convention, {}, ())
    assert notes[0] == f"recognised the convention {convention}"


@pytest.mark.parametrize("name", ["Reordered", "REORDERED"])
def test_a_module_with_other_names_is_recognised_by_shapes_and_answers(name):
    """W_ih (3H,I) with rows z, r, n: as WebNN packs. At I = H shapes alone do not even tell W_ih from W_hh."""
    subject, plan, _ = module(f"{MODULES}:{name}")
    wanted = {"weight": "W_ih", "recurrentWeight": "W_hh", "bias": "b_ih", "recurrentBias": "b_hh"}
    assert (plan.convention, subject.assigned) == ("webnn", wanted)
    assert subject.fixed == ({} if name == "Reordered" else {"I": 4, "H": 4})
    found = ratios(subject, plan)
    assert max(found.values()) < 1
    assert {"vjp-weight", "vjp-recurrentBias", "vjp-x"} <= set(found)


def test_which_layer_of_a_module_is_which_gate_is_told_by_what_it_does():
    subject, plan, notes = module(f"{MODULES}:ByGates")
    assert plan.convention is None
    assert notes[1] == "the convention is ambiguous: cudnn, miopen fit as well, since the arrays are packed alike"
    for gate, layer in (("r", "forget"), ("z", "update"), ("n", "candidate")):
        assert subject.assigned[f"W_{gate}"] == f"{layer}_in.weight"
        assert subject.assigned[f"U_{gate}"] == f"{layer}_state.weight"
        biases = {subject.assigned[f"b_{gate}"], subject.assigned[f"c_{gate}"]}
        assert biases == {f"{layer}_in.bias", f"{layer}_state.bias"}
    assert subject.assigned["c_n"] == "candidate_state.bias"
    assert subject.notes[0].startswith("told by their shapes and by what they do: W_r is forget_in.weight, ")


def test_a_named_convention_is_held_against_shapes_as_well():
    assert module(f"{MODULES}:Reordered", convention="webnn")[0].assigned["weight"] == "W_ih"
    with pytest.raises(
        InputError, match=r"Reordered has no parameter weight_ih; it has b_hh, b_ih, W_hh, W_ih; gru has"
    ):
        module(f"{MODULES}:Reordered", convention="torch")


def test_a_module_that_no_convention_fits_is_an_error():
    with pytest.raises(
        InputError, match=r"no convention fits .*Unequal: none of own, torch, .* and the check says what"
    ):
        module(f"{MODULES}:Unequal")
    with pytest.raises(InputError, match=r"^[^:]*torch_modules.py:DEEP has several layers or directions; judge one"):
        module(f"{MODULES}:DEEP")


def test_conventions_that_fit_and_pack_differently_are_all_named():
    def anyhow(x, h0, params):
        return over_time(keras)(x, h0, params) if "kernel" in params else gru(x, h0, params)

    plan = plan_of("auto", "float32", "gru", None, 1, 0)
    with pytest.raises(
        InputError, match=r"the conventions torch, keras, .* they pack differently; name the one .* torch"
    ):
        settled(Callables(anyhow, name="anyhow"), plan)


def test_one_that_hangs_is_not_asked_again():
    asked = []

    class Hanging:
        name, has_gradients = "hanging", False

        def forward(self, case):
            asked.append(case.convention)
            raise Misbehaviour("hang", "it hangs")

    with pytest.raises(InputError, match=r"^hanging hangs when it is called as own packs parameters, .*name it"):
        settled(Hanging(), plan_of("auto", "float32", "gru", None, 1, 0))
    assert asked == [None]


def harness(way):
    return f"{quote(sys.executable)} {quote(str(MODULES.with_name('harness.py')))} {way}"


def recognised(plan, **words):
    return settled(target_of(**words).load(plan), plan)


def test_a_c_function_is_recognised_by_what_it_makes_of_the_arrays(tmp_path):
    plan = plan_of("auto", "float64", "gru", None, 1, 0)
    path = generated("gru", "keras", "float64", tmp_path)
    subject, found, notes = recognised(plan, cabi=path, symbol="gru_forward_f64", vjp_symbol="gru_backward_f64")
    assert (subject.has_gradients, found.convention, notes) == (True, "keras", ("recognised the convention keras",))


def test_a_command_is_started_and_told_each_convention(monkeypatch):
    few = ("keras", "torch", "paddle")
    monkeypatch.setattr("grusym.oracle.recognise.CONVENTIONS", {name: CONVENTIONS[name] for name in few})
    plan = plan_of("auto", "float64", "gru", None, 1, 0)
    _, found, notes = recognised(plan, cmd=harness("right"))
    assert (found.convention, notes[1].partition(":")[2].split()[0]) == ("torch", "paddle")
    with pytest.raises(InputError, match=r"^the command .*refusing refuses gru: only LSTMs here$"):
        recognised(plan, cmd=harness("refusing"))
    with pytest.raises(InputError, match=r"^cannot run the command './no-such': No such file"):
        recognised(plan, cmd="./no-such")
    with pytest.raises(InputError, match=r"hanging hangs when it is called as torch packs parameters.* \(--timeout\)"):
        recognised(plan, cmd=harness("hanging"), seconds=0.8)


def test_a_model_says_itself_that_it_is_onnx(tmp_path):
    path = saved(tmp_path / "one.onnx", node("GRU", "only", linear_before_reset=1))
    (part,) = target_of(path).parts(plan_of("auto", "float32", "gru", None, 1, 0))
    assert part.plan.convention == "onnx"
