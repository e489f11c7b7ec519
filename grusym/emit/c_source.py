"""The source of a C kernel: sizes, packing, forward and backward."""

from collections.abc import Iterable
from textwrap import wrap

from sympy import Add, Expr, Integer

from grusym.emit.c_body import c_body
from grusym.emit.c_expression import Context, offset, size
from grusym.emit.c_functions import BODIES, c_function
from grusym.emit.c_header import banner
from grusym.emit.c_interface import Argument, CKernel, elements, total
from grusym.equations.functions import NAMES
from grusym.equations.tensor import tensor_of
from grusym.lower.ir import Assign, Buffer, Kernel, Kind
from grusym.lower.traverse import assigns, loads

FLAT = ((Kind.SAVED, "saved"), (Kind.PARAMETER, "packed"), (Kind.WORKSPACE, "workspace"))


def c_source(kernel: CKernel) -> str:
    """The text of the source file: C99, nothing allocated, nothing global."""
    used = _functions(kernel.forward, kernel.backward)
    return "\n".join(
        (
            banner(kernel, f"{kernel.base}.c: forward and backward pass of a layer, {kernel.ctype.dtype}"),
            f'#include "{kernel.base}.h"',
            "",
            "#include <math.h>",
            "#include <stddef.h>",
            "#include <string.h>",
            "",
            *(c_function(name, kernel.ctype) for name in used),
            _size_functions(kernel),
            _pack(kernel),
            _pass(kernel, kernel.forward, "forward_packed", kernel.forward_packed, may_be_null=("saved",)),
            _pass(kernel, kernel.backward, "backward_packed", kernel.backward_packed),
        )
    )


def _functions(*kernels: Kernel) -> list[str]:
    """Functions that the kernels use and math.h does not have."""
    applied = {
        NAMES[type(node)]
        for kernel in kernels
        for assign in assigns(kernel.body)
        for node in _nodes(assign)
        if type(node) in NAMES
    }
    return [name for name in BODIES if name in applied]


def _nodes(assign: Assign) -> Iterable[Expr]:
    pending = [assign.value]
    while pending:
        node = pending.pop()
        yield node
        pending.extend(node.args)


def _size_functions(kernel: CKernel) -> str:
    sizes = ", ".join(f"int64_t {name}" for name in kernel.sizes)
    passed = ", ".join(kernel.sizes)
    refused = " || ".join([f"{kernel.sizes[0]} < 0", f"{kernel.sizes[1]} < 0", *(f"{n} < 1" for n in kernel.sizes[2:])])
    every = total((*kernel.forward.buffers, *kernel.backward.buffers))
    text = [
        "/* Whether every size is allowed and no offset leaves int64_t: counted in double, which does not overflow. */",
        f"static int sizes_are_good({sizes})",
        "{",
        f"    if ({refused})",
        "        return 0;",
        "    const double elements =",
        *_in_double(every),
        "    return elements < 1e18;",
        "}",
        "",
    ]
    flat = {
        "packed_size": total(kernel.parameters),
        "saved_size": total(kernel.forward.of_kind(Kind.SAVED)),
    }
    for word, count in flat.items():
        text += [
            kernel.size_signature(word),
            "{",
            f"    return sizes_are_good({passed}) ? {size(count)} : {kernel.guard}_BAD_SIZE;",
            "}",
            "",
        ]
    forward, backward = (total(k.of_kind(Kind.WORKSPACE)) for k in (kernel.forward, kernel.backward))
    text += [
        kernel.size_signature("workspace_size"),
        "{",
        f"    if (!sizes_are_good({passed}))",
        f"        return {kernel.guard}_BAD_SIZE;",
        f"    const int64_t forward = {size(forward)};",
        f"    const int64_t backward = {size(backward)};",
        "    return forward > backward ? forward : backward;",
        "}",
        "",
    ]
    return "\n".join(text)


def _in_double(count: Expr) -> list[str]:
    """A polynomial in the sizes, each term led by a double: 4.0*B*H*T + ..."""
    terms = []
    for term in count.expand().as_ordered_terms():
        number, rest = term.as_coeff_Mul()
        terms.append("*".join([f"{int(number)}.0", *(size(f) for f in rest.as_ordered_factors() if f != 1)]))
    return wrap(" + ".join(terms) + ";", width=110, initial_indent="        ", subsequent_indent="        ")


def _pack(kernel: CKernel) -> str:
    text = [
        kernel.signature("pack", kernel.pack),
        "{",
        *_entry(kernel, kernel.pack, ()),
    ]
    start: Expr = Integer(0)
    for buffer in kernel.parameters:
        place = "packed" if start == 0 else f"packed + ({size(start)})"
        count = f"(size_t)({size(elements(buffer))})*sizeof *{buffer.name}"
        text.append(f"    memcpy({place}, {buffer.name}, {count});")
        start = Add(start, elements(buffer))
    return "\n".join((*text, f"    return {kernel.guard}_OK;", "}", ""))


def _entry(kernel: CKernel, arguments: tuple[Argument, ...], may_be_null: tuple[str, ...]) -> list[str]:
    """The checks that open a function."""
    pointers = [a.name for a in arguments if a.name not in may_be_null]
    lines = [f"    if (!sizes_are_good({', '.join(kernel.sizes)}))", f"        return {kernel.guard}_BAD_SIZE;"]
    condition = "    if ("
    for number, name in enumerate(pointers):
        piece = f"!{name}" + (" || " if number < len(pointers) - 1 else ")")
        if len(condition.split("\n")[-1]) + len(piece) > 110:
            condition = condition.rstrip() + "\n        "
        condition += piece
    return [*lines, *condition.split("\n"), f"        return {kernel.guard}_NULL_POINTER;", ""]


def _pass(
    kernel: CKernel, ir: Kernel, word: str, arguments: tuple[Argument, ...], may_be_null: tuple[str, ...] = ()
) -> str:
    shapes = {buffer.name: buffer.shape for buffer in ir.buffers}
    context = Context(kernel.ctype, shapes, ir.placements)
    used = {tensor_of(assign.target) for assign in assigns(ir.body)} | set(loads(ir.body))
    lines = [kernel.signature(word, arguments), "{", *_entry(kernel, arguments, may_be_null)]
    for kind, flat in FLAT:
        lines += _pointers(kernel, ir, kind, flat, used, flat in may_be_null)
    for place in ir.placements:
        if place.tensor != place.buffer and place.tensor in used:
            kind = next(b.kind for b in ir.buffers if b.name == place.buffer)
            const = "const " if kind is Kind.PARAMETER else ""
            start = offset(place.starts, shapes[place.buffer])
            at = place.buffer if start == "0" else f"{place.buffer} + {start}"
            lines.append(f"    {const}{kernel.ctype.name} *{place.tensor} = {at};")
    lines += ["", *c_body(ir.body, context), f"    return {kernel.guard}_OK;", "}", ""]
    return "\n".join(lines)


def _pointers(kernel: CKernel, ir: Kernel, kind: Kind, flat: str, used: set[str], optional: bool) -> list[str]:
    """Pointers into a flat buffer for the arrays of one kind that the function uses."""
    const = "const " if kind is Kind.PARAMETER or (kind is Kind.SAVED and ir.name == "backward") else ""
    start: Expr = Integer(0)
    lines = []
    holders = {place.buffer for place in ir.placements if place.tensor in used}
    buffers: tuple[Buffer, ...] = ir.of_kind(kind)
    for buffer in buffers:
        if buffer.name in used or buffer.name in holders:
            at = flat if start == 0 else f"{flat} + ({size(start)})"
            value = f"{flat} ? {at} : NULL" if optional and start != 0 else at
            lines.append(f"    {const}{kernel.ctype.name} *{buffer.name} = {value};")
        start = Add(start, elements(buffer))
    if not lines:
        lines.append(f"    (void){flat};")
    return lines
