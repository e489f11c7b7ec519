"""The source of a C kernel: sizes, packing, forward and backward."""

from collections.abc import Iterable

from sympy import Add, Expr, Integer, Symbol

from grusym.emit.c_body import c_body
from grusym.emit.c_expression import Context, offset, size
from grusym.emit.c_functions import BODIES, c_function
from grusym.emit.c_header import banner
from grusym.emit.c_interface import Argument, CKernel, elements, total
from grusym.emit.c_lines import fold
from grusym.equations.axis import BATCH, TIME
from grusym.equations.condition import Condition
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
    text = [*_sizes_are_good(kernel), *_sizes_have_values(kernel)]
    flat = {
        "packed_size": total(kernel.parameters),
        "saved_size": total(kernel.forward.of_kind(Kind.SAVED)),
    }
    for word, count in flat.items():
        text += [
            kernel.size_signature(word),
            "{",
            *_count(kernel, count),
            "}",
            "",
        ]
    forward, backward = kernel.local("forward"), kernel.local("backward")
    text += [
        kernel.size_signature("workspace_size"),
        "{",
        *_size_checks(kernel),
        f"    const int64_t {forward} = {size(total(kernel.forward.of_kind(Kind.WORKSPACE)))};",
        f"    const int64_t {backward} = {size(total(kernel.backward.of_kind(Kind.WORKSPACE)))};",
        f"    return {forward} > {backward} ? {forward} : {backward};",
        "}",
        "",
    ]
    return "\n".join(text)


def _count(kernel: CKernel, count: Expr) -> list[str]:
    """A function's answer: so many elements, or why not."""
    if not kernel.conditions:
        passed = ", ".join(kernel.sizes)
        return fold(f"    return sizes_are_good({passed}) ? {size(count)} : {kernel.guard}_BAD_SIZE;")
    return [*_size_checks(kernel), *fold(f"    return {size(count)};")]


def _size_checks(kernel: CKernel) -> list[str]:
    """The statements that refuse sizes, by the status that says why."""
    lines = [f"    if (!sizes_are_good({', '.join(kernel.sizes)}))", f"        return {kernel.guard}_BAD_SIZE;"]
    if kernel.conditions:
        lines += [f"    if (!sizes_have_values({', '.join(kernel.restricted)}))"]
        lines += [f"        return {kernel.guard}_NO_VALUE;"]
    return lines


def _sizes_have_values(kernel: CKernel) -> list[str]:
    """The check that the equations have values at sizes that are good in themselves; nothing where they always have."""
    if not kernel.conditions:
        return []
    arguments = ", ".join(f"int64_t {name}" for name in kernel.restricted)
    holding = " && ".join(map(_condition, kernel.conditions))
    return [
        "/* Whether the equations have values at these sizes. */",
        f"static int sizes_have_values({arguments})",
        "{",
        *fold(f"    return {holding};"),
        "}",
        "",
    ]


def _condition(condition: Condition) -> str:
    """A condition in C: Q != 1, or a polynomial in double, which does not overflow."""
    if condition.excluded is not None:
        return str(condition)
    return f"{_in_double(condition.polynomial)} {condition.relation} 0"


def _sizes_are_good(kernel: CKernel) -> list[str]:
    """The check that opens every function: sizes in their range, and no offset or byte count can overflow."""
    refused = " || ".join(f"{name} < {0 if n < 2 else 1}" for n, name in enumerate(kernel.sizes))
    steps, samples, elements_ = (kernel.local(word) for word in ("steps", "samples", "elements"))
    # One more step and sample than there are: then every part of a product is smaller than the product, also at 0.
    more = {TIME.extent: Symbol(steps), BATCH.extent: Symbol(samples)}
    every = total((*kernel.forward.buffers, *kernel.backward.buffers)).xreplace(more)
    return [
        "/* Whether every size is allowed, and all arrays together are within what pointers and int64_t count. */",
        f"static int sizes_are_good({', '.join(f'int64_t {name}' for name in kernel.sizes)})",
        "{",
        *fold(f"    if ({refused})"),
        "        return 0;",
        "    /* An upper bound, in double, which does not overflow. */",
        f"    const double {steps} = (double){TIME.name} + 1, {samples} = (double){BATCH.name} + 1;",
        *fold(f"    const double {elements_} = {_in_double(every)};"),
        f"    return {elements_}*sizeof({kernel.ctype.name}) < 0.5*(double)PTRDIFF_MAX;",
        "}",
        "",
    ]


def _in_double(count: Expr) -> str:
    """A polynomial in the sizes, each term led by a double: 4.0*samples*H*steps + ..."""
    terms = []
    for term in count.expand().as_ordered_terms():
        number, rest = term.as_coeff_Mul()
        terms.append("*".join([f"{int(number)}.0", *(size(f) for f in rest.as_ordered_factors() if f != 1)]))
    return " + ".join(terms)


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
        text += fold(f"    memcpy({place}, {buffer.name}, {count});")
        start = Add(start, elements(buffer))
    return "\n".join((*text, f"    return {kernel.guard}_OK;", "}", ""))


def _entry(kernel: CKernel, arguments: tuple[Argument, ...], may_be_null: tuple[str, ...]) -> list[str]:
    """The checks that open a function."""
    pointers = [a.name for a in arguments if a.name not in may_be_null]
    missing = " || ".join(f"!{name}" for name in pointers)
    return [*_size_checks(kernel), *fold(f"    if ({missing})"), f"        return {kernel.guard}_NULL_POINTER;", ""]


def _pass(
    kernel: CKernel, ir: Kernel, word: str, arguments: tuple[Argument, ...], may_be_null: tuple[str, ...] = ()
) -> str:
    context = Context(kernel.ctype, ir)
    used = {tensor_of(assign.target) for assign in assigns(ir.body)} | set(loads(ir.body))
    lines = [kernel.signature(word, arguments), "{", *_entry(kernel, arguments, may_be_null)]
    for kind, flat in FLAT:
        lines += _pointers(kernel, ir, kind, flat, used, flat in may_be_null)
    for place in ir.placements:
        if place.tensor != place.buffer and place.tensor in used:
            kind = next(b.kind for b in ir.buffers if b.name == place.buffer)
            const = "const " if kind is Kind.PARAMETER else ""
            start = offset(place.starts, ir.shapes[place.buffer])
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
            lines += fold(f"    {const}{kernel.ctype.name} *{buffer.name} = {value};")
        start = Add(start, elements(buffer))
    if not lines:
        lines.append(f"    (void){flat};")
    return lines
