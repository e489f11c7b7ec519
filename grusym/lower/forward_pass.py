"""From the equations of a layer to the kernel that runs it: plain, correct, one statement a node.

Time is a loop and batch an index on everything but the parameters. What lives for one step only has no time axis.
"""

from sympy import Expr, Integer

from grusym.calculus.bptt import Bptt
from grusym.calculus.program import Program
from grusym.conventions.packing import Layout
from grusym.equations.layer import Layer
from grusym.equations.names import code_name, final_name, initial_name, saved_name
from grusym.equations.tensor import access
from grusym.lower.ir import Buffer, Kernel, Kind, Loop, Statement, WhenSaving
from grusym.lower.placing import (
    Saved,
    assign,
    copy,
    own_indices,
    scratch,
    series_buffer,
    state_buffer,
)


def lower_forward(layer: Layer, program: Program, layout: Layout, recurrence: Bptt | None = None) -> Kernel:
    """The kernel of a layer whose step is `program`; given its adjoint recurrence, it can save what that reads.

    Buffers, in this order: inputs x (T, B, ...), initial states h0 (B, ...), parameters as the layout packs them,
    outputs y (T, B, ...), final states h_n (B, ...), saved tensors, workspace.
    """
    cell, t, b = layer.cell, layer.time, layer.batch
    saved = Saved.of(recurrence) if recurrence else Saved((), ())
    parameters = {tensor.name for tensor in cell.parameters}
    over_time = {tensor.name for tensor in (*cell.inputs, *cell.outputs)}

    def place(name: str, indices: tuple[Expr, ...]) -> Expr:
        if name in parameters:
            return access(name, indices)
        return access(code_name(name), (t, b, *indices) if name in over_time else (b, *indices))

    before: list[Statement] = []
    keep_first: list[Statement] = []
    step: list[Statement] = [assign(node, place, b) for node in program.nodes]
    keep: list[Statement] = []
    carry: list[Statement] = []
    after: list[Statement] = []
    for series in layer.series:
        if series.tensor.name not in over_time:
            own = series.tensor.indices
            step.append(copy(access(series.name, (t, b, *own)), place(series.tensor.name, own), b, own))
    for state in cell.states:
        own, left = state.tensor.indices, state.update.indices
        before.append(copy(place(state.name, own), access(initial_name(state.name), (b, *own)), b, own))
        carry.append(copy(place(state.name, left), place(state.update.name, left), b, left))
        after.append(copy(access(final_name(state.name), (b, *own)), place(state.name, own), b, own))
        if state.name in saved.trajectories:
            trajectory = saved_name(state.name)
            keep_first.append(copy(access(trajectory, (Integer(0), b, *own)), place(state.name, own), b, own))
            keep.append(copy(access(trajectory, (t + 1, b, *left)), place(state.update.name, left), b, left))
    for name in saved.values:
        own = own_indices(program, name)
        keep.append(copy(access(saved_name(name), (t, b, *own)), place(name, own), b, own))
    if saved.trajectories:
        before.append(WhenSaving(tuple(keep_first)))
    if keep:
        step.append(WhenSaving(tuple(keep)))

    states = cell.states
    buffers = [series_buffer(x.name, x.shape, Kind.INPUT) for x in cell.inputs]
    buffers += [state_buffer(initial_name(s.name), s.tensor.shape, Kind.INPUT) for s in states]
    buffers += [Buffer(name, shape, Kind.PARAMETER) for name, shape in layout.arrays]
    buffers += [series_buffer(s.name, s.tensor.shape, Kind.OUTPUT) for s in layer.series]
    buffers += [state_buffer(final_name(s.name), s.tensor.shape, Kind.OUTPUT) for s in states]
    buffers += saved.buffers(program)
    buffers += [state_buffer(s.name, s.tensor.shape, Kind.WORKSPACE) for s in states]
    buffers += scratch(program.nodes, buffers, program.shapes)
    body = (*before, Loop(t, (*step, *carry)), *after)
    return Kernel("forward", layer.sizes, tuple(buffers), layout.placements, body)
