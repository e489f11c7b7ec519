"""The words of a command line become a target, and a target a subject, here or in another process."""

import pickle
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from grusym.errors import InputError
from grusym.oracle.callables import Callables
from grusym.oracle.check import plan_of
from grusym.oracle.targets.command import Command
from grusym.oracle.targets.shared_library import SharedLibrary
from grusym.oracle.targets.target import Target, subject_of, target_of
from grusym.oracle.targets.torch_module import TorchModule
from tests.oracle.libraries import MISBEHAVING, compiled
from tests.oracle.one_case import failures
from tests.oracle.test_command import HARNESS

PLAN = plan_of("torch", "float32", "gru", None, 3, 0)
FUNCTION = {"target": "tests.oracle.implementations:gru", "vjp": "tests.oracle.implementations:gru_vjp"}


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    return compiled([MISBEHAVING], tmp_path_factory.mktemp("library") / "libmisbehaving.so")


def test_every_way_in_gives_its_subject(library):
    ways = {
        Callables: FUNCTION,
        TorchModule: {"target": "torch.nn:GRU"},
        SharedLibrary: {"cabi": library, "symbol": "right"},
        Command: {"cmd": HARNESS},
    }
    for kind, words in ways.items():
        assert isinstance(subject_of(plan=PLAN, **words), kind)
        (part,) = target_of(**words).parts(PLAN)
        assert isinstance(pickle.loads(pickle.dumps(part)).load(), kind)


def verdict(part):
    return failures(part.load(), part.plan)


def test_a_target_is_judged_in_another_process(library):
    (part,) = target_of(cabi=library, symbol="writes_input").parts(PLAN)
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        found = pool.submit(verdict, part).result()
    assert found.keys() == {"input-unchanged"}


@pytest.mark.parametrize(
    "words",
    [
        ("pkg.mod:forward",),
        ("a file.py:forward", "--vjp", "a file.py:vjp"),
        ("--cabi", "libgru.so", "--symbol", "f", "--vjp-symbol", "g"),
        ("--cmd", "./harness --fast"),
        ("dir.onnx/model.onnx:encoder/gru:0",),
        ("model.onnx",),
    ],
)
def test_a_target_names_itself_as_it_was_named(words):
    options = {"--vjp": "vjp", "--cabi": "cabi", "--symbol": "symbol", "--vjp-symbol": "vjp_symbol", "--cmd": "cmd"}
    named, left = {}, list(words)
    while left:
        word = left.pop(0)
        named |= {options[word]: left.pop(0)} if word in options else {"target": word}
    target = target_of(**named)
    assert target.words == words
    assert bool(target.model) == (".onnx" in words[0])


def test_a_target_as_text_can_be_pasted():
    assert str(Target(command="./harness --fast")) == "--cmd './harness --fast'"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({}, "nothing to judge: give exactly one of an implementation (pkg.mod:function, model.onnx), --cabi, --cmd"),
        (
            {"target": "a:b", "cmd": "c"},
            "an implementation (pkg.mod:function, model.onnx) and --cmd to judge: give exactly",
        ),
        ({"cabi": "libgru.so"}, "--cabi libgru.so needs --symbol, the name of the function, such as gru_forward_f32"),
        ({"cmd": "c", "vjp": "a:b"}, "--vjp a:b does not go with --cmd; leave it out"),
        ({"cmd": ""}, "--cmd is empty; name what is to be judged"),
        ({"target": " "}, "an implementation (pkg.mod:function, model.onnx) is empty; name what is to be judged"),
        ({"target": "a:b", "symbol": "f"}, "--symbol f does not go with an implementation"),
        ({"target": "m.onnx", "vjp": "a:b"}, "--vjp a:b does not go with a model, which is run forward only; leave it"),
    ],
)
def test_what_describes_no_target_is_an_input_error(words, message):
    with pytest.raises(InputError) as refused:
        target_of(**words)
    assert message in str(refused.value)


def test_a_plan_that_no_implementation_can_follow_is_refused_before_anything_runs():
    plan = plan_of(None, "float32", "mgu", None, 3, 0)
    plan = type(plan)(plan.cell, "torch", plan.dtype, plan.profile)
    with pytest.raises(InputError, match="convention torch has no packing for the cell mgu"):
        target_of(cmd="./no-such-harness").load(plan)
