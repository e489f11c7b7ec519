"""The plain call of a layer: sizes, arrays that come in, arrays that go out, in one order for C and for commands.

Sizes are T, B and the extents of the cell in its order; arrays are the inputs, the initial states and the parameters as
the convention packs them, for gradients then the cotangents; what goes out is the series and the final states, or the
gradients of all that came in but the cotangents. Names are those of the generated C: y, h_n, dx, dh0, dweight_ih.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from grusym.equations.layer import Layer
from grusym.equations.names import cotangent_name, final_name, initial_name
from grusym.oracle.case import Arrays, Case, Run
from grusym.oracle.subject import gradients_of, outputs_of

FORWARD, GRADIENTS = "forward", "gradients"


@dataclass(frozen=True)
class PlainCall:
    """One call: `sizes` by name, `given` arrays in the case's dtype, `wanted` shapes, each in the order of the call."""

    role: str
    sizes: Mapping[str, int]
    given: Arrays
    wanted: Mapping[str, tuple[int, ...]]


def plain_call(case: Case, role: str) -> PlainCall:
    """The call that runs a case forward, or for its gradients."""
    sizes = {symbol.name: case.sizes[symbol.name] for symbol in Layer(case.cell).sizes}
    primal = {name: case.cast(array) for name, array in case.inputs.items()}
    primal |= {initial_name(name): case.cast(array) for name, array in case.initial.items()}
    primal |= case.params()
    series = {s.name: case.dy[s.name] for s in Layer(case.cell).series}
    results = series | {final_name(state.name): case.dh[state.name] for state in case.cell.states}
    if role == FORWARD:
        return PlainCall(role, sizes, primal, {name: array.shape for name, array in results.items()})
    cotangents = {cotangent_name(name): case.cast(array) for name, array in results.items()}
    wanted = {cotangent_name(name): array.shape for name, array in primal.items()}
    return PlainCall(role, sizes, primal | cotangents, wanted)


def run_of(case: Case, results: Mapping[str, Any]) -> Run:
    """What a forward call gave. Raises Misbehaviour for what does not fit."""
    finals = {state.name: final_name(state.name) for state in case.cell.states}
    return outputs_of(case, results, {name: results[key] for name, key in finals.items() if key in results})


def gradients_from(case: Case, results: Mapping[str, Any]) -> Arrays:
    """What a call for gradients gave, by the names of the cell. Raises Misbehaviour for what does not fit."""

    def named(names: Mapping[str, str]) -> dict[str, Any]:
        return {name: results[cotangent_name(key)] for name, key in names.items() if cotangent_name(key) in results}

    return gradients_of(
        case,
        named({name: name for name in case.inputs}),
        named({name: initial_name(name) for name in case.initial}),
        named({name: name for name in case.params()}),
    )
