"""A torch.nn.Module as a subject: its parameters are set from the case's, its gradients are autograd's.

    class Mine(torch.nn.Module):
        def __init__(self, input_size, hidden_size): ...   # with parameters weight_ih, weight_hh, bias_ih, bias_hh
        def forward(self, x, h0): ...                      # x (T,B,I), h0 (B,H) -> y (T,B,H), h_n (B,H)

A class is made at the sizes of every case, by `input_size` and `hidden_size` if it has arguments of these names, else
by the extents of the cell in their order; an instance keeps its sizes, and every case has them. torch.nn.GRU, LSTM, RNN
and modules around them, which want h0 (1,B,H), are called with that; one whose name ends in Cell is called for each
step, with x (B,I) and h (B,H), and returns the next h. A state of several tensors, as an LSTM's, is a tuple.

Parameters go by the convention's names (grusym.oracle.targets.torch_parameters), or, where a module that conforms calls
them otherwise, by their shapes and by what they do (grusym.oracle.targets.by_shape).
"""

import copy
import inspect
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from threading import Lock
from typing import Any

import numpy as np

from grusym.equations.cell import Cell
from grusym.equations.layer import Layer
from grusym.equations.names import final_name, initial_name
from grusym.errors import InputError
from grusym.oracle.callables import Callables, may_be_left_out
from grusym.oracle.case import Arrays, Case, Run
from grusym.oracle.comparison import Bench
from grusym.oracle.formats import BFLOAT16, numpy_type
from grusym.oracle.location import location_of
from grusym.oracle.observation import observed
from grusym.oracle.plan import Plan
from grusym.oracle.report import Location
from grusym.oracle.spec import Spec, materialise, rich_sizes, size_names
from grusym.oracle.subject import Misbehaviour
from grusym.oracle.targets.by_shape import assigned, sizes_of
from grusym.oracle.targets.torch_making import check_depth, made
from grusym.oracle.targets.torch_parameters import Parameters

SEED = 42  # of the case that parameters are told apart by
KEPT = 8  # modules of a class that are kept, by their sizes


class TorchModule:
    """A module, or a class of modules, called `target`."""

    has_gradients = True

    def __init__(self, module: Any, target: str, plan: Plan):
        """Raises InputError for an instance whose parameters do not fit the cell under the convention."""
        import torch

        if not hasattr(torch, plan.dtype):
            raise InputError(f"torch has no {plan.dtype}; choose float64, float32, float16 or bfloat16")
        self.name, self._plan, self._torch = target, plan, torch
        self._dtype = getattr(torch, plan.dtype)
        self._parameters = Parameters(target, plan.cell, plan.convention)
        self._lock, self._made = Lock(), dict[tuple[int, ...], Any]()
        self._class = module if inspect.isclass(module) else None
        self._batched: bool | None = None  # whether h0 is (B,H), and not (1,B,H): seen at the first call
        self.fixed: Mapping[str, int] = {}
        if self._class is None:
            check_depth(module, target)
            self._made[()] = copy.deepcopy(module).to(self._dtype)
        self._find_parameters()

    @cached_property
    def location(self) -> Location | None:
        return location_of(self._class or type(self._made[()]))

    @property
    def assigned(self) -> Mapping[str, str]:
        """The module's names of the convention's arrays, where they are not the convention's."""
        return self._parameters.assigned

    @property
    def notes(self) -> tuple[str, ...]:
        named = ", ".join(f"{key} is {name}" for key, name in self.assigned.items())
        return (f"told by their shapes and by what they do: {named}",) if named else ()

    @cached_property
    def takes(self) -> frozenset[str]:
        """An initial state may be left out where forward(x, h0=None) says so."""
        function: Any = getattr(self._class or type(self._made[()]), "forward", None)
        return frozenset({"absent"} if may_be_left_out(function, 1 + len(self._plan.cell.inputs)) else ())

    def _find_parameters(self) -> None:
        """Parameters by name; else by shape, where the answers are right then. Raises InputError for neither."""
        sizes = dict(zip(size_names(self._plan.cell), rich_sizes(self._plan.cell), strict=True))
        module = self._made[()] if self._class is None else self._new(_extents(self._plan.cell, sizes))
        try:
            found = self._parameters.sizes(module)
            self.fixed = found if self._class is None else {}
        except InputError:
            own = {name: tuple(parameter.shape) for name, parameter in module.named_parameters()}
            if not any(self._assign(own, found) for found in sizes_of(self._parameters.layout, own)):
                raise

    def _assign(self, own: Mapping[str, tuple[int, ...]], sizes: Mapping[str, int]) -> bool:
        """Whether the module answers rightly at these sizes with its parameters given out by shape; it keeps them."""
        plan, named = self._plan, self._parameters
        self.fixed = sizes if self._class is None else {}
        case = materialise(Spec(rich_sizes(plan.cell, sizes), SEED), plan.cell, plan.convention, plan.dtype)

        def fits(case: Case, names: Mapping[str, str]) -> bool:
            self._parameters = replace(named, assigned=names)
            try:
                bench = Bench(observed(self, case, gradients=False), plan.profile)
            except InputError:
                return False
            return bench.ratio(bench.right, gradients=False) <= 1

        names = assigned(own, case, fits)
        self._parameters = replace(named, assigned=names or {})
        return names is not None

    def forward(self, case: Case) -> Run:
        def function(x: Any, h0: Any, params: Arrays) -> Any:
            with self._torch.no_grad():
                inputs, states = self._tensors(case, x, h0)
                series, finals = self._run(case, inputs, states, params)
            return self._returned(case, [self._array(s) for s in series], [self._array(h) for h in finals])

        return Callables(function, None, self.name).forward(case)

    def gradients(self, case: Case) -> Arrays:
        def vjp(x: Any, h0: Any, params: Arrays, dy: Any, dh_n: Any) -> Arrays:
            inputs, states = self._tensors(case, x, h0)
            for tensor in (*inputs, *states):
                tensor.requires_grad_()
            series, finals = self._run(case, inputs, states, params)
            outputs = [*series, *(finals or self._last(case, series))]
            cotangents = [self._tensor(a) for a in (*_several(dy), *_several(dh_n))]
            parameters = self._parameters.of(self._module(case))
            wanted = {t.name: tensor for t, tensor in zip(case.cell.inputs, inputs, strict=True)}
            wanted |= {initial_name(s.name): tensor for s, tensor in zip(case.cell.states, states, strict=True)}
            wanted |= parameters
            found = self._torch.autograd.grad(outputs, list(wanted.values()), cotangents, allow_unused=True)
            pairs = zip(wanted.items(), found, strict=True)
            gradients = {
                name: np.zeros(tuple(tensor.shape), case.dtype) if grad is None else self._array(grad)
                for (name, tensor), grad in pairs
            }
            shapes = {name: params[name].shape for name in self.assigned}
            return gradients | {name: gradients[name].reshape(shape) for name, shape in shapes.items()}

        return Callables(vjp, vjp, self.name).gradients(case)

    def _run(self, case: Case, inputs: Any, states: Any, params: Arrays) -> tuple[list[Any], list[Any]]:
        """Series and final states (none where the module does not return them), as tensors."""
        module = self._module(case)
        with self._lock:
            self._parameters.write(module, {name: self._tensor(array) for name, array in params.items()})
        if isinstance(module, self._torch.nn.RNNCellBase) or type(module).__name__.endswith("Cell"):
            return self._stepwise(case, module, inputs, states)
        if getattr(module, "batch_first", False) and isinstance(module, self._torch.nn.RNNBase):
            inputs = [tensor.transpose(0, 1) for tensor in inputs]
            series, finals = self._called(case, module, inputs, states)
            return [tensor.transpose(0, 1) for tensor in series], finals
        return self._called(case, module, inputs, states)

    def _stepwise(self, case: Case, module: Any, inputs: Any, states: Any) -> tuple[list[Any], list[Any]]:
        """A cell over the steps: the series are its states."""
        over_time = [s.tensor.name for s in Layer(case.cell).series]
        known = [state.update.name for state in case.cell.states]
        if any(name not in known for name in over_time):
            raise InputError(f"{self.name} returns states, but {case.cell.spelling} has other outputs; judge the layer")
        kept = []
        for t in range(case.steps):
            states = _several(module(*(tensor[t] for tensor in inputs), _alone(states) if states else None))
            if len(states) != len(known):
                raise Misbehaviour("output-type", f"{self.name} returned {len(states)} state(s), not {len(known)}")
            kept.append(states)
        return [self._torch.stack([step[known.index(name)] for step in kept]) for name in over_time], list(states)

    def _called(self, case: Case, module: Any, inputs: Any, states: Any) -> tuple[list[Any], list[Any]]:
        """A layer called once, with h0 (B,H), or with (1,B,H) where it does not take that."""
        if self._batched is None and states:
            self._batched = not isinstance(module, self._torch.nn.RNNBase) and self._takes(module, inputs, states)
        if not self._batched:
            states = [state[None] for state in states]
        returned = module(*inputs, _alone(states) if states else None)
        count = len(Layer(case.cell).series)
        if not isinstance(returned, tuple | list):
            return [returned], []
        values = list(returned)
        if len(values) == count:
            return values, []
        finals = _several(values[count]) if len(values) == count + 1 else values[count:]
        if len(finals) != len(case.cell.states):
            wanted = ", ".join(final_name(state.name) for state in case.cell.states)
            raise Misbehaviour("output-type", f"{self.name} returned {len(finals)} final state(s), not {wanted}")
        shapes = [case.dh[state.name].shape for state in case.cell.states]
        return values[:count], [
            h[0] if tuple(h.shape) == (1, *shape) else h for h, shape in zip(finals, shapes, strict=True)
        ]

    def _takes(self, module: Any, inputs: Any, states: Any) -> bool:
        """Whether a module takes states without an axis for layers; if it takes neither, it will say why."""
        for form, answer in ((states, True), ([state[None] for state in states], False)):
            try:
                with self._torch.no_grad():
                    module(*inputs, _alone(form))
            except Exception:
                continue
            return answer
        return True

    def _last(self, case: Case, series: list[Any]) -> list[Any]:
        """The final states as the last step of the series, where a module does not return them."""
        by_name = {s.tensor.name: tensor for s, tensor in zip(Layer(case.cell).series, series, strict=True)}
        missing = [state.name for state in case.cell.states if state.update.name not in by_name]
        if missing:
            raise InputError(
                f"{self.name} does not return {final_name(missing[0])}, which its gradients need; return it"
            )
        return [by_name[state.update.name][-1] for state in case.cell.states]

    def _returned(self, case: Case, series: list[Any], finals: list[Any]) -> Any:
        return (*series, *finals) if finals else _alone(series)

    def _tensors(self, case: Case, x: Any, h0: Any) -> tuple[list[Any], list[Any]]:
        inputs = _several(x) if len(case.cell.inputs) > 1 else [x]
        states = [] if h0 is None else _several(h0) if len(case.cell.states) > 1 else [h0]
        return [self._tensor(a) for a in inputs], [self._tensor(a) for a in states]

    def _tensor(self, array: Any) -> Any:
        """An array as a tensor; torch reads NumPy's bfloat16 as the bits that they are."""
        if self._dtype is self._torch.bfloat16:
            return self._torch.from_numpy(array.view(np.int16)).view(self._dtype)
        return self._torch.from_numpy(array)

    def _array(self, tensor: Any) -> Any:
        if not hasattr(tensor, "detach"):
            return tensor
        tensor = tensor.detach()
        if tensor.dtype is self._torch.bfloat16:
            return tensor.contiguous().view(self._torch.int16).numpy().view(numpy_type(BFLOAT16))
        return tensor.numpy()

    def _module(self, case: Case) -> Any:
        """The instance, or one of the class at the sizes of the case."""
        if self._class is None:
            return self._made[()]
        sizes = _extents(case.cell, case.sizes)
        key = tuple(sizes.values())
        with self._lock:
            if key not in self._made:
                if len(self._made) >= KEPT:
                    self._made.clear()
                self._made[key] = self._new(sizes)
            return self._made[key]

    def _new(self, sizes: Mapping[str, int]) -> Any:
        return made(self._class, self.name, self._plan.cell, sizes).to(self._dtype)


def _extents(cell: Cell, sizes: Mapping[str, int]) -> dict[str, int]:
    """What a module is made at: the sizes but for those of time and batch."""
    return {symbol.name: sizes[symbol.name] for symbol in Layer(cell).sizes[2:]}


def _several(value: Any) -> list[Any]:
    return list(value) if isinstance(value, tuple | list) else [value]


def _alone(values: Any) -> Any:
    return values[0] if len(values) == 1 else tuple(values)
