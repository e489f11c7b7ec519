"""grusym: gated recurrent networks from equations to verified kernels.

The public names load on first use: `import grusym` takes milliseconds and loads neither SymPy nor NumPy.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

# Public name -> the module that defines it.
_LAZY = {
    "Cell": "grusym.equations.cell",
    "GrusymError": "grusym.errors",
    "PackedSequence": "grusym.runtime.packed_sequence",
    "build": "grusym.runtime.kernel",
    "cell": "grusym.equations.library",
    "check": "grusym.oracle.check",
    "compare": "grusym.lower.compare",
    "convert": "grusym.conventions.convert_stack",
    "derive": "grusym.emit.derivation_view",
    "dropout_mask": "grusym.runtime.random_masks",
    "generate": "grusym.emit.generate",
    "layer": "grusym.runtime.layer",
    "masked": "grusym.equations.masking",
    "pack_padded": "grusym.runtime.packed_sequence",
    "pad_packed": "grusym.runtime.packed_sequence",
    "zoneout": "grusym.equations.zoneout",
    "zoneout_mask": "grusym.runtime.random_masks",
}

__all__ = [
    "Cell",
    "GrusymError",
    "PackedSequence",
    "__version__",
    "build",
    "cell",
    "check",
    "compare",
    "convert",
    "derive",
    "dropout_mask",
    "generate",
    "layer",
    "masked",
    "pack_padded",
    "pad_packed",
    "zoneout",
    "zoneout_mask",
]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'grusym' has no attribute {name!r}; it has {', '.join(__all__)}")
    value = getattr(import_module(_LAZY[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})
