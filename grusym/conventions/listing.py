"""The records as a table: a row per system and form, read off the record."""

from collections.abc import Mapping
from typing import Any

from grusym.conventions.blocks import Packed
from grusym.conventions.library import CONVENTIONS, layout_of
from grusym.conventions.record import Convention, Form
from grusym.equations.library import cell

HEAD = ("name", "reset", "update", "order", "layout", "biases", "source")
CELL = "gru"


def listing() -> list[dict[str, Any]]:
    """Every system's record: the forms of a GRU that it computes, its own default first, with shapes and blocks."""
    return [
        {
            "name": record.name,
            "source": record.source,
            "cells": list(record.forms),
            "forms": [_form(record, form) for form in record.forms[CELL]],
            "notes": record.notes,
            "unverified": record.unverified,
        }
        for record in CONVENTIONS.values()
    ]


def listing_text() -> str:
    """The same as a table, with what is not verified below it."""
    rows = [HEAD]
    for record in listing():
        for number, form in enumerate(record["forms"]):
            mark = "*" if record["unverified"] else ""
            values = (" | ".join(form[key]) for key in ("reset", "update"))
            name = record["name"] + mark if number == 0 else ""
            source = record["source"] if number == 0 else ""
            rows.append((name, *values, form["order"], form["layout"], " | ".join(form["biases"]), source))
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    lines = ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    marked = [f"* {r['name']}: unverified: {r['unverified']}" for r in listing() if r["unverified"]]
    return "\n".join((*lines, "", *marked))


def _form(record: Convention, form: Form) -> dict[str, Any]:
    defaults = {key: values[0] for key, values in form.options.items()}
    layout = layout_of(cell(CELL, **defaults), record.name)
    return {
        **{key: list(values) for key, values in form.options.items()},
        "order": order(form, record.letters),
        "layout": layout_words(form),
        "arrays": {
            layout.key(name): {"shape": [str(extent) for extent in shape], "blocks": layout.blocks_text(name)}
            for name, shape in layout.arrays
        },
    }


def _weights(form: Form) -> list[Packed]:
    """The arrays that hold input weights."""
    return [packed for packed in form.arrays if any(name.startswith("W_") for name in packed.tensors)]


def order(form: Form, letters: Mapping[str, str]) -> str:
    """The order of the gates, by the system's own letters."""
    gates = [name[2:] for packed in _weights(form) for name in packed.tensors if name.startswith("W_")]
    return ",".join(letters.get(gate, gate) for gate in gates)


def layout_words(form: Form) -> str:
    """How the weights are laid out."""
    weights = _weights(form)
    first, axes = weights[0], weights[0].axes.replace("(", "").replace(")", "").split()
    transposed = "j" in axes and "i" in axes and axes.index("j") < axes.index("i")
    if "g" in axes and "(" not in first.axes:
        words = f"axes {first.axes}"
    elif all(sum(name.startswith("W_") for name in packed.tensors) == 1 for packed in weights):
        words = "a matrix per gate" + (", transposed" if transposed else "")
    else:
        words = "columns" if transposed else "rows"
    if any(name.startswith("U_") for name in first.tensors):
        words += ", [x, h]" if first.tensors[0].startswith("W_") else ", [h, x]"
    return words
