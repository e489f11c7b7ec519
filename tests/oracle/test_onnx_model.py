"""ONNX models: every recurrent node is judged by itself, as its attributes say."""

import pickle

import numpy as np
import onnx
import pytest

from grusym.conventions.library import CONVENTIONS
from grusym.errors import InputError
from grusym.oracle.check import judge, plan_of
from grusym.oracle.subject import Misbehaviour
from grusym.oracle.targets.onnx_model import OnnxNode
from grusym.oracle.targets.target import target_of
from tests.oracle.one_case import ratios
from tests.oracle.onnx_models import branch, node, saved

PLAN = plan_of("torch", "float64", "gru", None, 3, 0)


def parts(path, wanted=""):
    return target_of(f"{path}:{wanted}" if wanted else path).parts(PLAN)


@pytest.mark.parametrize(
    ("operator", "cell", "settings"),
    [
        ("GRU", "gru:reset=before", {}),
        ("GRU", "gru", {"linear_before_reset": 1}),
        ("GRU", "gru:biases=none", {"linear_before_reset": 1, "biases": False}),
        ("GRU", "gru", {"linear_before_reset": 1, "direction": "reverse"}),
        ("GRU", "gru", {"linear_before_reset": 1, "activations": ["Sigmoid", "Tanh"]}),
        ("LSTM", "lstm", {}),
        ("LSTM", "lstm", {"direction": "reverse", "given": ["", "", "", "P"]}),
        ("RNN", "rnn", {}),
        ("RNN", "rnn:activation=relu", {"activations": ["Relu"]}),
    ],
)
def test_a_node_conforms(operator, cell, settings, tmp_path):
    if cell.partition(":")[0] not in CONVENTIONS["onnx"].forms:
        pytest.skip(f"there is no record of how ONNX packs {cell}")
    settings = {**settings}
    (part,) = parts(saved(tmp_path / "model.onnx", node(operator, "cell", **settings)))
    expected = "lstm:peephole=yes" if "given" in settings else cell
    assert (part.plan.cell.spelling, part.plan.convention, part.plan.dtype) == (expected, "onnx", "float32")
    assert part.plan.profile.dtype == "float32"
    subject = pickle.loads(pickle.dumps(part)).load()
    assert subject.name == f"{tmp_path / 'model.onnx'}:cell"
    assert max(ratios(subject, part.plan).values()) < 1


def test_both_directions_are_judged_separately(tmp_path):
    path = saved(tmp_path / "model.onnx", node("GRU", "enc/gru:0", direction="bidirectional", linear_before_reset=1))
    found = parts(path)
    assert [part.target.node for part in found] == ["enc/gru:0:forward", "enc/gru:0:reverse"]
    for part in found:
        assert max(ratios(part.load(), part.plan).values()) < 1
    (one,) = parts(path, "enc/gru:0:reverse")
    assert one == found[1]
    assert one.target.words == (f"{path}:enc/gru:0:reverse",)


def test_a_direction_mistaken_for_the_other_is_seen(tmp_path, monkeypatch):
    path = saved(tmp_path / "model.onnx", node("GRU", "cell", direction="bidirectional", linear_before_reset=1))
    part = parts(path)[1]
    subject = part.load()
    monkeypatch.setattr(type(subject._node), "directions", ("reverse", "forward"))
    assert max(ratios(subject, part.plan).values()) > 1


def test_a_campaign_over_a_node_conforms(tmp_path):
    (part,) = parts(saved(tmp_path / "model.onnx", node("GRU", linear_before_reset=1)))
    report = judge(part.load(), part.plan)
    assert (report.verdict, report.convention) == ("conforms", "onnx")


def test_an_attribute_taken_for_its_opposite_is_seen(tmp_path):
    (before,) = parts(saved(tmp_path / "before.onnx", node("GRU")))
    (after,) = parts(saved(tmp_path / "after.onnx", node("GRU", linear_before_reset=1)))
    wrong = OnnxNode("before.onnx", before.load()._node, after.plan)
    assert max(ratios(wrong, after.plan).values()) > 1


def test_every_node_is_found_also_inside_other_graphs(tmp_path):
    nodes = [node("GRU", "first"), node("GRU", "first", linear_before_reset=1), node("GRU")]
    nodes[1][0].output[0], nodes[2][0].output[0] = "second", "third"
    path = saved(tmp_path / "model.onnx", nodes[0], (nodes[1][0], []), (nodes[2][0], []))
    assert [part.target.node for part in parts(path)] == ["first", "first#2", "GRU#1"]
    inner = saved(tmp_path / "inner.onnx", extra=branch(*node("GRU", "inner")))
    assert parts(inner)[0].target.node == "inner"
    with pytest.raises(InputError, match=r"has the recurrent nodes first, first#2, GRU#1; judge one, as .*:first"):
        target_of(path).load(PLAN)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"clip": 3.0}, "the node cell is a GRU with clip=3.0, which no cell of grusym has; judge other nodes"),
        ({"activations": ["HardSigmoid", "Tanh"]}, "with the activations hardsigmoid, tanh, which no cell"),
        ({"activations": ["Sigmoid"]}, "with the activations sigmoid, which no cell"),
        ({"direction": "sideways"}, "the node cell has the direction 'sideways'"),
    ],
)
def test_a_node_of_no_cell_is_an_input_error(settings, message, tmp_path):
    with pytest.raises(InputError) as refused:
        parts(saved(tmp_path / "model.onnx", node("GRU", "cell", **settings)))
    assert message in str(refused.value)


def test_what_is_no_model_or_has_no_such_node_is_an_input_error(tmp_path):
    (tmp_path / "text.onnx").write_text("this is no model")
    relu = onnx.helper.make_node("Relu", ["x"], ["y"])
    path = saved(tmp_path / "model.onnx", node("GRU", "cell"))
    for wanted, message in (
        (str(tmp_path / "absent.onnx"), "there is no model '.*absent.onnx'"),
        (str(tmp_path / "text.onnx"), "cannot read .*text.onnx as an ONNX model"),
        (saved(tmp_path / "relu.onnx", extra=[relu]), "has no GRU, LSTM or RNN node; there is nothing to judge"),
        (f"{path}:other", "has no recurrent node other; it has cell"),
    ):
        with pytest.raises(InputError, match=message):
            target_of(wanted).parts(PLAN)
    with pytest.raises(InputError, match="use --cell gru:reset=before --convention onnx --dtype float32"):
        target_of(path).load(PLAN)


def test_what_the_runtime_does_not_run_is_an_input_error(tmp_path):
    made = node("GRU", "cell", dtype=np.float64)
    (part,) = parts(saved(tmp_path / "model.onnx", made, dtype=np.float64))
    assert part.plan.dtype == "float64"
    with pytest.raises(
        InputError, match=r"ONNX Runtime does not run the node cell of .*model.onnx: ONNX Runtime raised"
    ):
        part.load()


def test_an_error_of_the_runtime_is_a_verdict(tmp_path, monkeypatch):
    (part,) = parts(saved(tmp_path / "model.onnx", node("GRU", "cell")))
    subject = part.load()
    monkeypatch.setattr(subject, "_session", lambda case: None)
    with pytest.raises(Misbehaviour, match="ONNX Runtime raised AttributeError"):
        ratios(subject, part.plan)


def test_a_missing_library_is_said(tmp_path, monkeypatch):
    import sys

    path = saved(tmp_path / "model.onnx", node("GRU", "cell"))
    (part,) = parts(path)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(InputError, match=r"ONNX models need onnxruntime, .*; install grusym\[onnx\]"):
        part.load()
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(InputError, match="ONNX models need onnx, which cannot be imported"):
        parts(path)
