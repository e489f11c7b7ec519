"""The records as a table: a row per system and form of a cell, read off the record."""

from collections.abc import Iterable
from typing import Any

from grusym.conventions.blocks import Packed
from grusym.conventions.library import CONVENTIONS, layout_of
from grusym.conventions.record import Convention, Form
from grusym.equations.library import cell as cell_by_name
from grusym.equations.library import options_of
from grusym.errors import InputError

DEFAULT = "gru"


def listing(cell: str = DEFAULT) -> list[dict[str, Any]]:
    """Every system's record: which cells it packs, and its forms of this one, its own default first.

    Raises InputError for a cell that no system packs.
    """
    _check(cell)
    return [
        {
            "name": record.name,
            "source": record.source,
            "cells": list(record.forms),
            "activations": {"gates": list(record.activations.gates), "candidate": list(record.activations.candidate)},
            "forms": [_form(cell, record, form) for form in record.forms.get(cell, ())],
            "notes": record.notes,
            "unverified": record.unverified,
        }
        for record in CONVENTIONS.values()
    ]


def listing_text(cell: str = DEFAULT) -> str:
    """The systems that pack a cell as a table, with what is not verified, and the systems that do not, below it."""
    options = [option for option in options_of(_check(cell)) if option != "biases"]
    options = [key for key in options if any(key in f.options for r in _packing(cell) for f in r.forms[cell])]
    rows = [("name", *options, "order", "layout", "biases", "activations", "cells", "source")]
    for record in _packing(cell):
        for number, form in enumerate(record.forms[cell]):
            first = number == 0
            name = record.name + ("*" if record.unverified else "")
            made = _form(cell, record, form)
            values = (" | ".join(form.options.get(key, ("any",))) for key in options)
            cells = " ".join(record.forms)
            rows.append(
                (
                    name if first else "",
                    *values,
                    made["order"],
                    made["layout"],
                    " | ".join(form.options.get("biases", ())),
                    str(record.activations) if first else "",
                    cells if first else "",
                    record.source if first else "",
                )
            )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    marked = [f"* {record.name}: unverified: {record.unverified}" for record in _packing(cell) if record.unverified]
    others = [record.name for record in CONVENTIONS.values() if cell not in record.forms]
    without = [f"No packing of {cell}: {', '.join(others)}"] if others else []
    return "\n".join("\n".join(part) for part in (lines, [""], marked, without) if part)


def _check(cell: str) -> str:
    known = list(dict.fromkeys(family for record in CONVENTIONS.values() for family in record.forms))
    name = cell.partition(":")[0]
    if cell != name and name in known:
        raise InputError(f"packings are listed for all forms of a cell, not for {cell}; pass its name alone, {name}")
    if cell not in known:
        raise InputError(f"no system's packing of the cell {cell} is known; known are those of {', '.join(known)}")
    return cell


def _packing(cell: str) -> Iterable[Convention]:
    return [record for record in CONVENTIONS.values() if cell in record.forms]


def _form(cell: str, record: Convention, form: Form) -> dict[str, Any]:
    defaults = {key: values[0] for key, values in form.options.items()}
    layout = layout_of(cell_by_name(cell, **defaults), record.name)
    return {
        **{key: list(values) for key, values in form.options.items()},
        "order": order(record, form),
        "layout": layout_words(form) + (f", raveled in {record.flat.name}" if record.flat else ""),
        "arrays": {
            layout.key(name): {"shape": [str(extent) for extent in shape], "blocks": layout.blocks_text(name)}
            for name, shape in layout.arrays
        },
    }


def _is_input_weight(tensor: str) -> bool:
    return tensor.partition("_")[0] == "W"


def _weights(form: Form) -> list[Packed]:
    """The arrays that hold input weights."""
    return [packed for packed in form.arrays if any(map(_is_input_weight, packed.tensors))]


def order(record: Convention, form: Form) -> str:
    """The order of the gates, by the system's own letters; empty for a cell without gates."""
    gates = [name[2:] for packed in _weights(form) for name in packed.tensors if _is_input_weight(name)]
    return ",".join(record.letters.get(gate, gate) for gate in gates if gate)


def layout_words(form: Form) -> str:
    """How the weights are laid out."""
    weights = _weights(form)
    first, axes = weights[0], weights[0].axes.replace("(", "").replace(")", "").split()
    transposed = "j" in axes and "i" in axes and axes.index("j") < axes.index("i")
    alone = all(sum(map(_is_input_weight, packed.tensors)) == 1 for packed in weights)
    if "g" in axes and "(" not in first.axes:
        words = f"axes {first.axes}"
    elif alone:
        words = ("a matrix" if len(weights) == 1 else "a matrix per gate") + (", transposed" if transposed else "")
    else:
        words = "columns" if transposed else "rows"
    if any(name.startswith("U_") for name in first.tensors):
        words += ", [x, h]" if first.tensors[0].startswith("W_") else ", [h, x]"
    return words
