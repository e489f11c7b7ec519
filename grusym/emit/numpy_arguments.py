"""How a generated function takes its arguments: sizes are read off shapes, arrays checked, packed ones split."""

from collections.abc import Iterable
from dataclasses import dataclass
from textwrap import wrap

from sympy import Expr, Symbol

from grusym.conventions.packing import Placement
from grusym.emit.numpy_lines import INDENT, WIDTH, broken
from grusym.emit.numpy_operand import linear
from grusym.equations.condition import Condition
from grusym.errors import LoweringError
from grusym.lower.ir import Buffer, Kernel, Kind


@dataclass(frozen=True)
class Argument:
    """An array that the caller hands over: how errors call it, where it is found, the variable that holds it."""

    buffer: Buffer
    label: str
    source: str
    variable: str = ""


def shape_text(shape: tuple[Expr, ...], names: dict[str, str]) -> str:
    """A shape as a tuple in Python."""
    extents = [linear(extent, {}, names) for extent in shape]
    return f"({extents[0]},)" if len(extents) == 1 else f"({', '.join(extents)})"


def symbols_text(shape: tuple[Expr, ...]) -> str:
    """A shape as documents and errors have it: 3*H, I."""
    return ", ".join(map(str, shape))


def argument_lines(kernel: Kernel, arguments: Iterable[Argument], names: dict[str, str], dtype: str) -> list[str]:
    """Statements that read the sizes off the arguments, check them, and give them their variables."""
    listed = list(arguments)
    known: set[Symbol] = set()
    heads: list[str] = []
    complete: Argument | None = None
    for argument in sorted(listed, key=lambda a: (Kind.INPUT, Kind.PARAMETER, Kind.SAVED).index(a.buffer.kind)):
        shape = argument.buffer.shape
        new = {place: e for place, e in enumerate(shape) if e.is_Symbol and e not in known and e not in shape[:place]}
        if new:
            words = [names[shape[place].name] if place in new else "_" for place in range(len(shape))]
            left = f"({words[0]},)" if len(words) == 1 else ", ".join(words)
            heads.append(f'{left} = sizes("{argument.label}", {argument.source}, "{symbols_text(shape)}")')
            known |= set(new.values())
            if len(new) == len(shape) and dtype.startswith(f"{argument.source}."):
                complete = argument  # gives all of its sizes and the dtype, so that there is nothing left to check
    missing = [size for size in kernel.sizes if size not in known]
    if missing:
        raise LoweringError(
            f"NumPy text of kernel {kernel.name}: size {missing[0]} is the extent of no array that is given, "
            f"so it cannot be read off; give the axis to an input, a state or a parameter"
        )
    checks = []
    for alike in _alike([argument for argument in listed if argument is not complete]):
        extents = alike[0].buffer.shape
        wanted = f'{shape_text(extents, names)}, "{symbols_text(extents)}", {dtype}'
        if len(alike) > 1:
            keys = ", ".join(f'"{saved_key(argument.buffer.name)}"' for argument in alike)
            checks.append(f"for name in ({keys}):")
            checks.append(f"    check(f\"saved['{{name}}']\", saved[name], {wanted})")
        else:
            call = f'check("{alike[0].label}", {alike[0].source}, {wanted})'
            checks.append(f"{alike[0].variable} = {call}" if alike[0].variable else call)
    return [*heads, *checks]


def condition_lines(conditions: Iterable[Condition], names: dict[str, str]) -> list[str]:
    """Lines that refuse the sizes at which the equations have no value."""
    lines = []
    for condition in conditions:
        if condition.excluded is not None:
            failing = f"{names[condition.sizes[0]]} == {condition.excluded}"
        else:
            opposite = condition.opposite
            failing = f"{linear(opposite.polynomial, {}, names)} {opposite.relation} 0"
        found = " and ".join(f"{name} is {{{names[name]}}}" for name in condition.sizes)
        message = f"{found}, but the equations {condition.operation}; {condition.remedy}"
        pieces = wrap(message, WIDTH - len(4 * INDENT), drop_whitespace=False, break_long_words=False)
        texts = [f'{3 * INDENT}{"f" if "{" in piece else ""}"{piece}"' for piece in pieces]
        lines += [*broken(f"if {failing}:", INDENT), f"{2 * INDENT}raise ValueError(", *texts, f"{2 * INDENT})"]
    return lines


def _alike(arguments: list[Argument]) -> list[list[Argument]]:
    """Saved tensors of one shape that follow each other together, every other argument by itself."""
    groups: list[list[Argument]] = []
    for argument in arguments:
        last = groups[-1][-1].buffer if groups else None
        if last and last.kind is Kind.SAVED is argument.buffer.kind and last.shape == argument.buffer.shape:
            groups[-1].append(argument)
        else:
            groups.append([argument])
    return groups


def saved_key(buffer: str) -> str:
    """What a saved tensor is called in the dict: r for saved_r."""
    return buffer.removeprefix("saved_")


def split_lines(buffer: Buffer, parts: tuple[Placement, ...], names: dict[str, str], used: set[str]) -> list[str]:
    """The statement that gives the parts of a packed array their names, if any is used."""
    if not any(part.tensor in used for part in parts) or names[parts[0].tensor] == names[buffer.name]:
        return []
    array = names[buffer.name]
    left = ", ".join(names[part.tensor] for part in parts)
    if _equal_blocks(buffer, parts):
        return [f"{left} = np.split({array}, {len(parts)})"]
    return [f"{names[part.tensor]} = {array}{_slices(buffer, part, names)}" for part in parts]


def _equal_blocks(buffer: Buffer, parts: tuple[Placement, ...]) -> bool:
    """Whether the parts are one another's like, stacked along the first axis, and nothing else."""
    first = parts[0].shape
    return buffer.shape == (len(parts) * first[0], *first[1:]) and all(
        part.is_straight and part.shape == first and part.starts[0] == place * first[0] and not any(part.starts[1:])
        for place, part in enumerate(parts)
    )


def _slices(buffer: Buffer, part: Placement, names: dict[str, str]) -> str:
    words = []
    for axis, (start, extent, whole) in enumerate(zip(part.starts, part.extents, buffer.shape, strict=True)):
        if axis not in part.along:
            words.append(linear(start, {}, names))
            continue
        stop = (start + extent).expand()
        low = "" if start == 0 else linear(start, {}, names)
        high = "" if stop == whole else linear(stop, {}, names)
        simple = all(word.isidentifier() or word.isdigit() or not word for word in (low, high))
        left, right = (low + " " if low else ""), (" " + high if high else "")
        words.append(f"{low}:{high}" if simple else f"{left}:{right}")
    while len(words) > 1 and words[-1] == ":":
        words.pop()
    text = "" if words == [":"] else f"[{', '.join(words)}]"
    kept = sorted(part.along)
    if list(part.along) == kept:
        return text
    order = ", ".join(str(kept.index(axis)) for axis in part.along)
    return f"{text}.T" if list(part.along) == kept[::-1] else f"{text}.transpose({order})"
