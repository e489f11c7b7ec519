"""What a conversion of files did, as text and as JSON."""

from typing import Any

from grusym.conventions.library import layout_of
from grusym.conventions.packing import numbers
from grusym.conventions.stacking import naming_of
from grusym.equations.cell import Cell
from grusym.equations.library import settings_of
from grusym.weights.changes import Changes, changes
from grusym.weights.convert_file import FileConversion
from grusym.weights.reading import printable

SHOWN = 10  # names of arrays that are left out


def report(done: FileConversion) -> dict[str, Any]:
    """What was read, what was done, and what was written."""
    stack, first = done.done, done.done.parts[0][0]
    found = changes(part for ways in stack.parts for part in ways)
    return {
        "output": str(done.output),
        "cell": first.cell.name,
        "layers": len(stack.parts),
        "directions": len(stack.parts[0]),
        "sizes": dict(first.sizes),
        "dtype": next(iter(stack.params.values())).dtype.name,
        "source": _side(done.origin.convention, first.origin, first.sizes),
        "target": _side(done.target, first.cell, first.sizes),
        "identities": identities(found),
        "exact": found.exact,
        "read": printable(done.origin.place),
        "left_out": [printable(name) for name in done.origin.left_out],
        "arrays": {name: list(array.shape) for name, array in stack.params.items()},
    }


def report_text(done: FileConversion) -> str:
    """The same, for reading."""
    told = report(done)
    layers = f"{told['layers']} layer{'s' if told['layers'] > 1 else ''}"
    ways = "both directions" if told["directions"] == 2 else "one direction"
    sizes = ", ".join(f"{name} = {size}" for name, size in told["sizes"].items())
    lines = [f"{told['cell']}: {layers}, {ways}, {sizes}, {told['dtype']}"]
    for word, side in (("from", told["source"]), ("to", told["target"])):
        options = ", ".join(f"{key}={value}" for key, value in side["options"].items())
        lines.append(f"{word:4} {side['convention']}{f' ({options})' if options else ''}")
        width = max(map(len, side["arrays"]))
        for name, array in side["arrays"].items():
            shape = f"({', '.join(map(str, array['shape']))}{',' * (len(array['shape']) == 1)})"
            lines.append(f"       {name.ljust(width)}  {shape:12} {array['blocks']}")
    lines += [f"     {text}" for text in told["identities"]]
    lines.append(f"     {'the same bits' if told['exact'] else 'exact but for biases that were added: rounded once'}")
    return "\n".join(lines)


def notes(done: FileConversion, recognised: bool) -> list[str]:
    """What the reader should know besides: what was recognised, and what stayed behind."""
    origin = done.origin
    left_out = [printable(name) for name in origin.left_out]
    lines = []
    if recognised:
        place = f" in {printable(origin.place)}" if origin.place else ""
        lines.append(f"read as {done.done.origin.spelling} of {origin.convention}{place}")
    if left_out:
        more = f" and {len(left_out) - SHOWN} more" if len(left_out) > SHOWN else ""
        lines.append(f"left out: {', '.join(left_out[:SHOWN])}{more}")
    if naming_of(done.target).numbers_one and len(done.done.parts) == 1:
        lines.append(f"names bear the number of the layer, as {done.target} has it")
    return lines


def identities(found: Changes) -> list[str]:
    """What was done besides putting the tensors in their places."""
    return [
        f"{', '.join(names)} {what}"
        for names, what in (
            (found.negated, "negated"),
            (found.summed, "added up from several biases"),
            (found.zeros, "filled with zeros"),
            (found.gone, "not there any more"),
        )
        if names
    ]


def _side(convention: str, cell: Cell, sizes: Any) -> dict[str, Any]:
    layout = layout_of(cell, convention)
    return {
        "convention": convention,
        "cell": cell.spelling,
        "options": settings_of(cell),
        "arrays": {
            layout.key(name): {"shape": list(numbers(shape, sizes)), "blocks": layout.blocks_text(name)}
            for name, shape in layout.arrays
        },
    }
