"""Backpropagation through time: the adjoint recurrence of a layer, over symbolic T.

With dh the gradient that later steps send back to the state, for t = T, ..., 1:

    start   dh = dh_n
    again   forward values that are cheaper to compute again than to save
    seeds   dh' = dy[t] + dh          the whole gradient of the state that step t left
    step    the adjoint program of one step, which ends in dx[t] and the new dh
    sums    dW += sum_b ...           the parameters' gradients, summed over t and b
    end     dh0 = dh
"""

from dataclasses import dataclass

from sympy import Add, Function

from grusym.calculus.normal import normalise
from grusym.calculus.program import Node, Program
from grusym.calculus.reverse import Step, reverse
from grusym.equations.layer import Layer
from grusym.equations.names import cotangent_name, final_name, initial_name
from grusym.equations.tensor import access


@dataclass(frozen=True)
class Bptt:
    """The recurrence, per sample and step; batch and time are the layer's.

    `saved` are the forward values that it reads, `recomputed` those that each step computes again from saved ones.
    """

    layer: Layer
    start: tuple[Node, ...]
    seeds: tuple[Node, ...]
    step: tuple[Node, ...]
    sums: tuple[Node, ...]
    end: tuple[Node, ...]
    saved: tuple[str, ...]
    recomputed: tuple[Node, ...]
    program: Program

    def __str__(self) -> str:
        lines = ["at t = T:", *self.start, "for t = T, ..., 1:", *self.recomputed, *self.seeds, *self.step]
        lines += ["summed over t and b:", *self.sums, "at t = 0:", *self.end]
        return "\n".join(line if isinstance(line, str) else f"    {line}" for line in lines)


def step_program(layer: Layer) -> Program:
    """The cell's equations in normal form."""
    cell = layer.cell
    shapes = {name: tensor.shape for name, tensor in cell.tensors.items()}
    return normalise(cell.equations, shapes, [tensor.name for tensor in cell.parameters])


def bptt(layer: Layer, forward: Program) -> tuple[Bptt, tuple[Step, ...]]:
    """The adjoint recurrence of a layer whose step is `forward`, and the steps of its derivation.

    Raises DerivativeError for a function without a rule.
    """
    cell = layer.cell
    parameters = [tensor.name for tensor in cell.parameters]
    outer = [*(tensor.name for tensor in cell.inputs), *(state.name for state in cell.states)]
    outputs = [*(state.update.name for state in cell.states), *(tensor.name for tensor in cell.outputs)]
    own = {tensor.name: tensor.indices for tensor in cell.tensors.values()}
    adjoint = reverse(forward, outputs, [*outer, *parameters], own)
    gradients = {cotangent_name(name) for name in parameters}
    step = tuple(node for node in adjoint.program.nodes if node.tensor not in gradients)
    sums = tuple(node for node in adjoint.program.nodes if node.tensor in gradients)
    series = {s.tensor.name: s.name for s in layer.series if s.tensor.name != s.name}
    start, seeds, end = [], [], []
    for state in cell.states:
        own_indices, update = state.tensor.indices, state.update
        carry = access(cotangent_name(state.name), own_indices)
        start.append(Node(carry, access(cotangent_name(final_name(state.name)), own_indices)))
        received = [access(cotangent_name(state.name), update.indices)]
        if update.name in series:
            received.append(access(cotangent_name(series[update.name]), update.indices))
        seeds.append(Node(access(cotangent_name(update.name), update.indices), Add(*received)))
        end.append(Node(access(cotangent_name(initial_name(state.name)), own_indices), carry))
    saved, recomputed = _kept(layer, forward, adjoint.program)
    shapes = dict(adjoint.program.shapes)
    for state in cell.states:
        shapes |= {cotangent_name(form(state.name)): state.tensor.shape for form in (initial_name, final_name)}
    shapes |= {cotangent_name(s.name): s.tensor.shape for s in layer.series}
    program = Program((*start, *seeds, *step, *sums, *end), shapes)
    recurrence = Bptt(layer, tuple(start), tuple(seeds), step, sums, tuple(end), saved, recomputed, program)
    return recurrence, adjoint.steps


def _kept(layer: Layer, forward: Program, adjoint: Program) -> tuple[tuple[str, ...], tuple[Node, ...]]:
    """What the forward pass saves for the adjoint, and what the adjoint computes again.

    Saved is every forward value that the adjoint reads, except a product or sum of elements that are saved or given
    anyway, such as r[k] h[k]: that costs less to compute than to store.
    """
    states = [state.name for state in layer.cell.states]
    given = {tensor.name for tensor in (*layer.cell.inputs, *layer.cell.parameters)}
    wanted = {name for node in adjoint.nodes for name in node.reads}
    saved = [name for name in (*states, *forward.defined) if name in wanted]
    held = {state.update.name for state in layer.cell.states if state.name in wanted}  # as the state of the next step
    recomputed = []
    for node in reversed(forward.nodes):
        cheap = not node.over and not node.guards and not node.value.has(Function) and node.tensor not in held
        if node.tensor in saved and cheap and given.union(saved).difference((node.tensor,)).issuperset(node.reads):
            saved.remove(node.tensor)
            recomputed.append(node)
    return tuple(saved), tuple(reversed(recomputed))
