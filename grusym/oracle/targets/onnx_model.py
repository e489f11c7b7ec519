"""A recurrent node of an ONNX model as a subject, run by ONNX Runtime in a model of its own.

The node keeps its attributes but for hidden_size, which is the case's, as weights and initial states are: so that cases
are small, and what is judged is what the node computes, not the values of its weights. Of a bidirectional node one
direction is judged at a time, beside other values in the other one. Sequence lengths are not given.
"""

from threading import Lock
from typing import Any

import numpy as np

from grusym.conventions.library import convention_by_name
from grusym.equations.layer import Layer
from grusym.errors import InputError
from grusym.oracle.case import Arrays, Case, Run
from grusym.oracle.location import file_of
from grusym.oracle.plan import Plan
from grusym.oracle.spec import Spec, materialise
from grusym.oracle.subject import Misbehaviour, outputs_of
from grusym.oracle.targets.onnx_nodes import INPUTS, REVERSE, Node, library

CONVENTION = "onnx"
STATES = {"h": ("initial_h", "Y_h"), "c": ("initial_c", "Y_c")}
DIMENSIONS = {"X": 3, "W": 3, "R": 3, "B": 2, "initial_h": 3, "initial_c": 3, "P": 2}
QUIET = 4  # only fatal errors: the others are raised as well


class OnnxNode:
    """A node of the model at `path`, in the one direction that it names."""

    has_gradients = False

    def __init__(self, path: str, node: Node, plan: Plan):
        """Raises InputError where ONNX Runtime is not installed, or does not run the node at all."""
        self.name, self._node = f"{path}:{node.title}", node
        self.location = file_of(path, node.title, "node")
        self._runtime = library("onnxruntime")
        self._lock, self._sessions = Lock(), dict[int, Any]()
        states = {state.name: STATES[state.name] for state in plan.cell.states}
        self._states = states
        sizes = tuple(2 for _ in Layer(plan.cell).sizes)
        try:
            self.forward(materialise(Spec(sizes, 0), plan.cell, plan.convention, plan.dtype))
        except Misbehaviour as wrong:
            if wrong.check == "exception":
                raise InputError(f"ONNX Runtime does not run the node {node.name} of {path}: {wrong}") from wrong

    def forward(self, case: Case) -> Run:
        (x,) = (case.cast(array) for array in case.inputs.values())
        (series,) = Layer(case.cell).series
        feeds = {"X": x[::-1] if self._node.way == REVERSE else x}
        feeds |= {name: self._both(array, 0) for name, array in case.params().items()}
        feeds |= {self._states[name][0]: self._both(case.cast(a)[None], 0) for name, a in case.initial.items()}
        by_batch = bool(dict(self._node.attributes).get("layout", 0))
        if by_batch:
            feeds |= {name: feeds[name].swapaxes(0, 1) for name in feeds if name == "X" or name.startswith("initial_")}
        try:
            session = self._session(case)
            found = session.run(None, {name: np.ascontiguousarray(array) for name, array in feeds.items()})
        except Exception as error:
            said = " ".join(str(error).split())
            raise Misbehaviour("exception", f"ONNX Runtime raised {type(error).__name__}: {said}") from error
        y, *finals = found
        at = self._node.directions.index(self._node.way)
        y = y[:, :, at].swapaxes(0, 1) if by_batch else y[:, at]
        final = {
            name: array[:, at] if by_batch else array[at] for name, array in zip(self._states, finals, strict=True)
        }
        return outputs_of(case, {series.name: y[::-1] if self._node.way == REVERSE else y}, final)

    def gradients(self, case: Case) -> Arrays:
        raise NotImplementedError("ONNX Runtime runs models forward")

    def _both(self, array: Any, axis: int) -> Any:
        """The array in the direction that is judged, and others in the other one."""
        parts = [array if way == self._node.way else -array for way in self._node.directions]
        return np.concatenate(parts, axis)

    def _session(self, case: Case) -> Any:
        hidden = case.sizes["H"]
        with self._lock:
            if hidden not in self._sessions:
                options = self._runtime.SessionOptions()
                options.intra_op_num_threads = options.inter_op_num_threads = 1
                options.log_severity_level = QUIET
                model = self._model(case, hidden).SerializeToString()
                self._sessions[hidden] = self._runtime.InferenceSession(
                    model, options, providers=["CPUExecutionProvider"]
                )
            return self._sessions[hidden]

    def _model(self, case: Case, hidden: int) -> Any:
        """A model of the node alone."""
        onnx, node = library("onnx"), self._node
        given = {"X", *case.params(), *(initial for initial, _ in self._states.values())}
        names = [name if name in given else "" for name in INPUTS]
        while not names[-1]:
            names.pop()
        outputs = ["Y", *(final for _, final in self._states.values())]
        attributes = {**dict(node.attributes), "hidden_size": hidden}
        made = onnx.helper.make_node(node.operator, names, outputs, **attributes)
        kind = onnx.helper.np_dtype_to_tensor_dtype(np.dtype(case.dtype))

        def value(name: str, dimensions: int) -> Any:
            return onnx.helper.make_tensor_value_info(name, kind, [None] * dimensions)

        graph = onnx.helper.make_graph(
            [made],
            "node",
            [value(name, DIMENSIONS[name]) for name in names if name],
            [value(name, 4 if name == "Y" else 3) for name in outputs],
        )
        opset = onnx.helper.make_opsetid("", node.opset)
        return onnx.helper.make_model(graph, opset_imports=[opset], ir_version=node.ir_version)


def check_packing(node: Node) -> None:
    """Raise InputError where it is not recorded how ONNX packs the cell of a node."""
    family = node.cell().name
    if family not in convention_by_name(CONVENTION).forms:
        raise InputError(f"the node {node.name} is a {node.operator}, whose packing in ONNX grusym has no record of")
