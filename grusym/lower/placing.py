"""Where a tensor of the equations lives in a kernel: which buffer, and whether it has a batch and a time axis there."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sympy import Expr, Idx, Integer

from grusym.calculus.bptt import Bptt
from grusym.calculus.program import Node, Program
from grusym.equations.axis import BATCH, TIME
from grusym.equations.names import code_name, saved_name
from grusym.lower.ir import Assign, Buffer, Kind
from grusym.lower.traverse import rename_accesses

T, B = TIME.extent, BATCH.extent
Place = Callable[[str, tuple[Expr, ...]], Expr]


@dataclass(frozen=True)
class Saved:
    """What forward saves: `values` of each step, and `trajectories` of states, h0 first and so one longer than T."""

    values: tuple[str, ...]
    trajectories: tuple[str, ...]

    @staticmethod
    def of(recurrence: Bptt) -> "Saved":
        states = recurrence.layer.cell.states
        names = {name for state in states for name in (state.name, state.update.name)}
        read = set(recurrence.saved)
        trajectories = tuple(s.name for s in states if s.name in read or s.update.name in read)
        return Saved(tuple(name for name in recurrence.saved if name not in names), trajectories)

    def buffers(self, program: Program) -> tuple[Buffer, ...]:
        shapes = program.shapes
        kept = [Buffer(saved_name(name), (T + 1, B, *shapes[name]), Kind.SAVED) for name in self.trajectories]
        kept += [Buffer(saved_name(name), (T, B, *shapes[name]), Kind.SAVED) for name in self.values]
        return tuple(kept)


def assign(node: Node, place: Place, batch: Idx, accumulate: bool = False) -> Assign:
    """The statement of a node, for every sample of the batch."""
    target, value = rename_accesses(node.target, place), rename_accesses(node.value, place)
    return Assign(target, value, (batch, *node.free), node.over, node.guards, accumulate)


def copy(target: Expr, source: Expr, batch: Idx, indices: tuple[Idx, ...]) -> Assign:
    """target = source for every sample and element."""
    return Assign(target, source, (batch, *indices))


def zero(name: str, shape: Iterable[Expr], place: Place, *batch: Idx) -> Assign:
    """Set a tensor to zero, for every sample if it has a `batch` index."""
    indices = tuple(Idx(f"i{axis}", extent) for axis, extent in enumerate(shape))
    return Assign(place(name, indices), Integer(0), (*batch, *indices))


def scratch(nodes: Iterable[Node], known: Iterable[Buffer], shapes: dict[str, tuple[Expr, ...]]) -> tuple[Buffer, ...]:
    """A workspace buffer for every tensor that the nodes define and no other buffer holds."""
    names = {buffer.name for buffer in known}
    defined = dict.fromkeys(node.tensor for node in nodes)
    return tuple(
        Buffer(code_name(name), (B, *shapes[name]), Kind.WORKSPACE) for name in defined if code_name(name) not in names
    )


def series_buffer(name: str, shape: tuple[Expr, ...], kind: Kind) -> Buffer:
    """A tensor at every step: (T, B, ...)."""
    return Buffer(name, (T, B, *shape), kind)


def state_buffer(name: str, shape: tuple[Expr, ...], kind: Kind) -> Buffer:
    """A tensor at one step: (B, ...)."""
    return Buffer(name, (B, *shape), kind)


def own_indices(program: Program, name: str) -> tuple[Idx, ...]:
    """The indices in which the program defines a tensor."""
    return next(node.free for node in program.nodes if node.tensor == name)
