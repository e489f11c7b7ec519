"""From the adjoint recurrence of a layer to the kernel that computes all gradients, time running downwards."""

from dataclasses import replace

from sympy import Expr

from grusym.calculus.bptt import Bptt
from grusym.calculus.program import Program
from grusym.conventions.packing import Layout
from grusym.equations.layer import Layer
from grusym.equations.names import code_name, cotangent_name, final_name, initial_name, saved_name
from grusym.equations.tensor import access
from grusym.lower.ir import Buffer, Kernel, Kind, Loop, Statement
from grusym.lower.placing import Saved, assign, scratch, series_buffer, state_buffer, zero


def lower_backward(layer: Layer, program: Program, layout: Layout, recurrence: Bptt) -> Kernel:
    """The kernel of the recurrence, reading what the forward pass of `program` saved.

    Buffers, in this order: inputs x, parameters as the layout packs them, saved tensors, cotangents dy (T, B, ...) and
    dh_n (B, ...); gradients dx (T, B, ...), dh0 (B, ...) and those of the parameters, packed alike; workspace.
    Gradients are overwritten, not added to.
    """
    cell, t, b = layer.cell, layer.time, layer.batch
    saved = Saved.of(recurrence)
    parameters = {tensor.name for tensor in cell.parameters}
    fixed = parameters | {cotangent_name(name) for name in parameters}
    inputs = {tensor.name for tensor in cell.inputs}
    over_time = inputs | {cotangent_name(name) for name in inputs} | {cotangent_name(s.name) for s in layer.series}
    stored: dict[str, tuple[str, Expr]] = {name: (saved_name(name), t) for name in saved.values}
    for state in cell.states:
        if state.name in saved.trajectories:
            stored[state.name] = (saved_name(state.name), t)
            stored[state.update.name] = (saved_name(state.name), t + 1)

    def place(name: str, indices: tuple[Expr, ...]) -> Expr:
        if name in fixed:
            return access(name, indices)
        if name in stored:
            series, step = stored[name]
            return access(series, (step, b, *indices))
        return access(code_name(name), (t, b, *indices) if name in over_time else (b, *indices))

    arrays = [Buffer(cotangent_name(name), shape, Kind.GRADIENT) for name, shape in layout.arrays]
    before: list[Statement] = [zero(buffer.name, buffer.shape, access) for buffer in arrays]
    before += [assign(node, place, b) for node in recurrence.start]
    step: list[Statement] = []
    for node in (*recurrence.recomputed, *recurrence.seeds, *recurrence.step):
        if node.scatters:
            step.append(zero(node.tensor, recurrence.program.shapes[node.tensor], place, b))
        step.append(assign(node, place, b, accumulate=node.scatters))
    for node in recurrence.sums:
        each = assign(node, place, b, accumulate=True)
        step.append(replace(each, free=node.free, over=(b, *node.over)))
    after = [assign(node, place, b) for node in recurrence.end]

    states = cell.states
    buffers = [series_buffer(x.name, x.shape, Kind.INPUT) for x in cell.inputs]
    buffers += [Buffer(name, shape, Kind.PARAMETER) for name, shape in layout.arrays]
    buffers += saved.buffers(program)
    buffers += [series_buffer(cotangent_name(s.name), s.tensor.shape, Kind.INPUT) for s in layer.series]
    buffers += [state_buffer(cotangent_name(final_name(s.name)), s.tensor.shape, Kind.INPUT) for s in states]
    buffers += [series_buffer(cotangent_name(x.name), x.shape, Kind.OUTPUT) for x in cell.inputs]
    buffers += [state_buffer(cotangent_name(initial_name(s.name)), s.tensor.shape, Kind.OUTPUT) for s in states]
    buffers += arrays
    shapes = program.shapes | recurrence.program.shapes
    nodes = (*recurrence.recomputed, *recurrence.start, *recurrence.seeds, *recurrence.step)
    buffers += scratch(nodes, buffers, shapes)
    gradients = tuple(
        replace(p, tensor=cotangent_name(p.tensor), buffer=cotangent_name(p.buffer)) for p in layout.placements
    )
    body = (*before, Loop(t, tuple(step), descending=True), *after)
    return Kernel("backward", layer.sizes, tuple(buffers), (*layout.placements, *gradients), body)
