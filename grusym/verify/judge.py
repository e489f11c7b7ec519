"""What the independent routes say about one problem, ready to be compared with any kernel's answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from grusym.equations.names import cotangent_name
from grusym.lower.interpret import run_both
from grusym.lower.ir import Kind
from grusym.lower.lowered import Lowered
from grusym.verify.adjointness import along, directions
from grusym.verify.comparison import FLOAT64, NOTHING, Deviation, allowed, largest, worst
from grusym.verify.error_bounds import error_bounds
from grusym.verify.layer_values import layer_values
from grusym.verify.numerical import numerical_gradients
from grusym.verify.problem import Problem, problem
from grusym.verify.torch_peer import by_torch, missing, peer_of

DRAWS = 4  # of a problem, before one is taken whose rounding errors exceed the tolerance
PRODUCT = "<VJP g, v>"
CHECKS = ("torch-forward", "torch-gradient", "equations", "numerical-gradient", "interpreter", "adjointness")


@dataclass(frozen=True)
class Evidence:
    """One problem and what each route says about it: per check, values by tensor and how far off each may be."""

    lowered: Lowered
    problem: Problem
    want: Mapping[str, dict[str, Any]]
    tolerance: Mapping[str, dict[str, Any]]
    v: Mapping[str, Any]
    terms: float  # the magnitudes that <g, JVP v> sums: the scale of that number

    def deviation(self, check: str, got: Mapping[str, Any]) -> Deviation:
        """The worst element of a kernel's answers, under one check."""
        own, scale = _own(self.lowered, self.problem, got), None
        if check == "adjointness":
            own, scale = {PRODUCT: _pulled(own, self.v)}, self.terms
        return worst(own, self.want[check], self.tolerance[check], scale)


def gather_evidence(lowered: Lowered, sizes: Mapping[str, int], dtype: str, seed: int) -> Evidence:
    """Draw a problem at these sizes, and ask every route about it.

    Where rounding alone could exceed the tolerance of float64, the digits that are compared are not sure (a sum that
    cancels, a gate that saturates everywhere): such a problem is drawn again, up to DRAWS times in all.
    """
    for draw in range(DRAWS):
        drawn = problem(lowered, sizes, dtype, seed * DRAWS + draw)
        reference, bound64 = run_both(lowered, drawn.sizes, drawn.arrays), error_bounds(lowered, drawn, "float64")
        sure = (max(FLOAT64 * largest(reference[name]), NOTHING) for name in reference)
        if all(2 * largest(bound64[name]) <= limit for name, limit in zip(reference, sure, strict=True)):
            break
    bound = bound64 if dtype == "float64" else error_bounds(lowered, drawn, dtype)

    cell = lowered.cell
    arrays = {**drawn.arrays, **lowered.layout.unpack(drawn.arrays, drawn.sizes)}
    lanes = {**arrays, **{tensor.name: np.asarray(arrays[tensor.name])[None] for tensor in cell.parameters}}
    outputs = {buffer.name for buffer in lowered.forward.of_kind(Kind.OUTPUT)}
    want = {
        "equations": layer_values(cell, drawn.sizes, lanes),
        "interpreter": reference,
        "numerical-gradient": numerical_gradients(cell, drawn.sizes, arrays, seed),
    }
    peer = peer_of(lowered.cell, lowered.layout)
    if peer is not None and peer.takes(sizes) and not missing():
        theirs = by_torch(lowered, peer, drawn)
        want["torch-forward"] = {name: array for name, array in theirs.items() if name in outputs}
        want["torch-gradient"] = {name: array for name, array in theirs.items() if name not in outputs}

    bounds64, bounds = ({**b, **_own(lowered, drawn, b)} for b in (bound64, bound))
    tolerance = {
        check: {name: allowed(dtype, array, bounds64[name], bounds[name]) for name, array in values.items()}
        for check, values in want.items()
    }
    v = directions(cell, arrays, seed)
    product, terms = along(cell, drawn.sizes, arrays, v)
    reach64, reach = (_pulled({k: np.abs(b[k]) for k in b}, {k: np.abs(v[k]) for k in v}) for b in (bounds64, bounds))
    scale = np.asarray(FLOAT64 * terms)
    want["adjointness"] = {PRODUCT: np.asarray(product)}
    tolerance["adjointness"] = {
        PRODUCT: np.maximum(scale, 2 * reach64) if dtype == "float64" else reach + np.maximum(scale, reach64)
    }
    return Evidence(lowered, drawn, want, tolerance, v, terms)


def unjudged(lowered: Lowered) -> dict[str, tuple[str, str]]:
    """The checks that no problem of this cell can have, each with its verdict and the reason."""
    if peer_of(lowered.cell, lowered.layout) is None:
        cell, convention = lowered.cell.spelling, lowered.layout.convention
        verdict = ("inapplicable", f"PyTorch has no module for {cell} with parameters packed as {convention}")
    elif missing():
        verdict = ("skipped", missing())
    else:
        return {}
    return dict.fromkeys(("torch-forward", "torch-gradient"), verdict)


def _own(lowered: Lowered, given: Problem, answers: Mapping[str, Any]) -> dict[str, Any]:
    """Gradients by the names of the equations: dW_r instead of a block of dweight_ih."""
    packed = {name: answers[cotangent_name(name)] for name, _ in lowered.layout.arrays}
    own = {cotangent_name(name): array for name, array in lowered.layout.unpack(packed, given.sizes).items()}
    return {**answers, **own}


def _pulled(gradients: Mapping[str, Any], v: Mapping[str, Any]) -> Any:
    return np.asarray(sum(float((gradients[cotangent_name(name)] * direction).sum()) for name, direction in v.items()))
