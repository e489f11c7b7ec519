"""A cell as a NumPy module: forward and backward over time, vectorised over the batch, for people to read."""

from grusym.emit.numpy_banner import banner
from grusym.emit.numpy_function import function
from grusym.emit.numpy_support import support
from grusym.lower.lowered import Lowered


def emit_numpy(lowered: Lowered) -> dict[str, str]:
    """The NumPy module of a cell, by file name.

    It has forward(inputs..., initial states..., params, saving=True) -> (series..., final states..., saved) and
    backward(inputs..., params, saved, cotangents of series..., of final states...) -> (gradients of inputs..., of
    initial states..., grads), with `params` and `grads` dicts by the names of the layout's arrays. It computes in the
    dtype of its arrays.

    >>> from grusym.equations.library import cell
    >>> from grusym.lower.lowered import lower
    >>> text = emit_numpy(lower(cell("rnn"), "torch"))["rnn.py"]
    >>> [line.strip() for line in text.split("\\n") if "tanh(" in line and "=" in line][1]
    'h_next = np.tanh(x[t] @ W.T + h @ U.T + b + c)'

    Raises LoweringError, naming it, for a construct that has no NumPy text.
    """
    functions = [function(lowered, kernel) for kernel in (lowered.forward, lowered.backward)]
    parts = [*functions, *support("".join(functions))]
    imports = ["import numpy as np"]
    if any("math." in part for part in parts):
        imports = ["import math", "", *imports]
    text = "\n\n\n".join(["\n".join([banner(lowered), "", *imports]), *(part.strip("\n") for part in parts)])
    return {f"{lowered.cell.symbol}.py": text + "\n"}
