"""What a user points grusym at, as words that can be sent to another process and become a subject there."""

import re
import shlex
from dataclasses import dataclass, replace

from grusym.conventions.library import layout_of
from grusym.errors import InputError
from grusym.oracle.plan import AUTO, Plan
from grusym.oracle.profile import profile_named
from grusym.oracle.subject import Subject, Unbound

SECONDS = 10.0  # for one call or answer
MODEL = re.compile(r"(.+?\.onnx)(?::(.+))?")


@dataclass(frozen=True)
class Target:
    """One of four ways in: `name` of Python code, a `library` with symbols, a `command`, an ONNX `model` and a node.

    `vjp` is what computes gradients: a name in Python, a symbol of a library. A call of a library, or an answer of a
    command, may take `seconds`.
    """

    name: str = ""
    library: str = ""
    command: str = ""
    model: str = ""
    symbol: str = ""
    node: str = ""
    vjp: str | None = None
    seconds: float = SECONDS

    @property
    def words(self) -> tuple[str, ...]:
        """How the command line names it: the arguments of `grusym check` but for the plan's.

        >>> Target(library="libgru.so", symbol="gru_forward_f32").words
        ('--cabi', 'libgru.so', '--symbol', 'gru_forward_f32')
        """
        if self.library:
            gradients = ("--vjp-symbol", self.vjp) if self.vjp else ()
            return ("--cabi", self.library, "--symbol", self.symbol, *gradients)
        if self.command:
            return ("--cmd", self.command)
        if self.model:
            return (f"{self.model}:{self.node}" if self.node else self.model,)
        return (self.name, *(("--vjp", self.vjp) if self.vjp else ()))

    def __str__(self) -> str:
        return shlex.join(self.words)

    def parts(self, plan: Plan) -> "tuple[Part, ...]":
        """What is judged by itself, with a plan of its own: every recurrent node of a model; else the target as it is.

        A node says itself which cell it is, how its parameters are packed and of what type it is.
        Raises InputError for what is no model, or has no such node.
        """
        if not self.model:
            return (Part(self, plan),)
        from grusym.oracle.targets.onnx_model import CONVENTION, check_packing
        from grusym.oracle.targets.onnx_nodes import nodes_of

        parts = []
        for node in nodes_of(self.model, self.node):
            check_packing(node)
            profile = plan.profile if plan.dtype == node.dtype else profile_named(None, node.dtype)
            own = replace(plan, cell=node.cell(), convention=CONVENTION, dtype=node.dtype, profile=profile)
            parts.append(Part(replace(self, node=node.title), own))
        return tuple(parts)

    def load(self, plan: Plan) -> Subject:
        """The subject, ready to be judged by this plan, which for a node of a model is that of its part.

        Raises InputError for what cannot be imported, loaded, started or found, or has not the right form.
        """
        if plan.convention != AUTO:
            layout_of(plan.cell, plan.convention)  # refuses what no implementation can be asked for
        if self.library:
            from grusym.oracle.targets.shared_library import SharedLibrary

            return SharedLibrary(self.library, self.symbol, self.vjp, self.seconds)
        if self.command:
            from grusym.oracle.targets.command import Command

            if plan.convention == AUTO:  # it is told the convention when it begins
                return Unbound(self.command, self.load)
            return Command(self.command, plan, self.seconds)
        if self.model:
            from grusym.oracle.targets.onnx_model import CONVENTION, OnnxNode
            from grusym.oracle.targets.onnx_nodes import nodes_of

            node, *others = nodes_of(self.model, self.node)
            if others:
                names = ", ".join(one.title for one in (node, *others))
                raise InputError(
                    f"{self.model} has the recurrent nodes {names}; judge one, as {self.model}:{node.title}"
                )
            if (plan.cell.spelling, plan.convention, plan.dtype) != (node.cell().spelling, CONVENTION, node.dtype):
                own = f"--cell {node.cell().spelling} --convention {CONVENTION} --dtype {node.dtype}"
                raise InputError(f"the node {node.title} of {self.model} is not what it is to be judged as; use {own}")
            return OnnxNode(self.model, node, plan)
        from grusym.oracle.targets.python_target import python_subject

        return python_subject(self.name, self.vjp, plan)


@dataclass(frozen=True)
class Part:
    """A target that is one implementation of one cell, and its plan."""

    target: Target
    plan: Plan

    def load(self) -> Subject:
        """The subject. Raises InputError as Target.load does."""
        return self.target.load(self.plan)


def target_of(
    target: str | None = None,
    *,
    vjp: str | None = None,
    cabi: str | None = None,
    symbol: str | None = None,
    vjp_symbol: str | None = None,
    cmd: str | None = None,
    seconds: float = SECONDS,
) -> Target:
    """The target that the words of a command line describe; nothing is imported, loaded or started yet.

    >>> target_of("model.onnx:encoder/gru")
    Target(name='', library='', command='', model='model.onnx', symbol='', node='encoder/gru', vjp=None, seconds=10.0)

    Raises InputError unless they describe exactly one.
    """
    ways = {"an implementation (pkg.mod:function, model.onnx)": target, "--cabi": cabi, "--cmd": cmd}
    given = [way for way, value in ways.items() if value is not None]
    for name, words in ways.items():
        if words is not None and not words.strip():
            raise InputError(f"{name} is empty; name what is to be judged")
    if len(given) != 1:
        what = " and ".join(given) if given else "nothing"
        raise InputError(f"{what} to judge: give exactly one of {', '.join(ways)}")
    for option, value, way in (("--symbol", symbol, cabi), ("--vjp-symbol", vjp_symbol, cabi), ("--vjp", vjp, target)):
        if value is not None and way is None:
            raise InputError(f"{option} {value} does not go with {given[0]}; leave it out")
    if cabi is not None:
        if not symbol:
            raise InputError(f"--cabi {cabi} needs --symbol, the name of the function, such as gru_forward_f32")
        return Target(library=cabi, symbol=symbol, vjp=vjp_symbol, seconds=seconds)
    if cmd is not None:
        return Target(command=cmd, seconds=seconds)
    assert target is not None
    model = MODEL.fullmatch(target)
    if model:
        if vjp is not None:
            raise InputError(f"--vjp {vjp} does not go with a model, which is run forward only; leave it out")
        return Target(model=model[1], node=model[2] or "")
    return Target(name=target, vjp=vjp)


def subject_of(
    target: str | None = None,
    *,
    plan: Plan,
    vjp: str | None = None,
    cabi: str | None = None,
    symbol: str | None = None,
    vjp_symbol: str | None = None,
    cmd: str | None = None,
    seconds: float = SECONDS,
) -> Subject:
    """The subject that the words of a command line describe, ready to be judged by this plan.

    Raises InputError for what is no target, cannot be loaded, or is a model with several recurrent nodes.
    """
    described = target_of(target, vjp=vjp, cabi=cabi, symbol=symbol, vjp_symbol=vjp_symbol, cmd=cmd, seconds=seconds)
    return described.load(plan)
