"""What the checks mean, in a sentence each."""

MEANINGS = {
    "forward-step": "every step, from the implementation's own state before it, is within the derived error bound",
    "forward-sequence": "a whole sequence is within the error bound that is carried along the steps",
    "final-state": "the final state is the state after the last step",
    "saturation": "steps whose gates are driven to their ends are within the derived error bound",
    "deterministic": "the same arrays give the same bits again",
    "reentrant": "calls from several threads at once give the same bits as one after the other",
    "bias-identity": "biases that enter the equations only as a sum have the same gradient",
    "vjp-sequence": "gradients through a whole sequence are within the error bound that is carried along the steps",
    "lengths": "with sequences of different lengths, outputs past an end are zero and final states those at the end",
    "empty-sequence": "a sequence of length 0 ends in the state that it began with",
    "bidirectional": "both directions, each with parameters of its own, are within the derived error bound",
    "vjp-lengths": "gradients with sequences of different lengths are within the derived error bound",
    "vjp-bidirectional": "gradients of both directions are within the derived error bound",
    "initial-state-absent": "an initial state that is left out is zero",
    "vjp-frozen": "gradients of inputs and states do not depend on whether those of parameters are asked for",
    "exception": "the implementation returns, whatever sizes and values it is called with",
    "output-shape": "returned arrays have the shapes of the contract",
    "output-type": "what is returned is made of arrays, of the element type that came in",
    "input-unchanged": "arrays that belong to the caller are not written to",
    "crash": "the implementation does not end its process",
    "hang": "the implementation returns in time",
    "answer": "a command answers as the protocol says",
    "alignment": "results do not depend on the addresses of the arrays",
    "out-of-bounds-write": "nothing is written outside the arrays that were handed over",
    "out-of-bounds-read": "nothing is read outside the arrays that were handed over",
    "uninitialised": "every element of the arrays that go out is written, and computed from what came in alone",
    "status": "the function returns 0, which says that it has done what was asked",
}


def meaning(check: str) -> str:
    """What a check is about.

    >>> meaning("vjp-weight_hh")
    'the gradient of weight_hh over single steps is within the derived error bound'
    """
    name, _, part = check.partition("@")
    where = f", in {part}" if part else ""
    if name in MEANINGS:
        return f"{MEANINGS[name]}{where}"
    if name.startswith("vjp-"):
        tensor = name.removeprefix("vjp-")
        return f"the gradient of {tensor} over single steps is within the derived error bound{where}"
    return f"{name.replace('-', ' ')}{where}"
