"""A command as a subject: requests and answers are lines of JSON on its standard input and output.

The protocol is described in grusym/oracle/PROTOCOL.md and in protocol.schema.json beside it; harnesses to start from
are in examples/harness.
"""

import json
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from grusym.equations.layer import Layer
from grusym.equations.library import BUILT_IN, settings_of
from grusym.errors import InputError
from grusym.oracle.case import Arrays, Case, Run
from grusym.oracle.location import file_of
from grusym.oracle.plan import Plan
from grusym.oracle.report import Location
from grusym.oracle.subject import HANG, Misbehaviour
from grusym.oracle.targets.plain_call import FORWARD, GRADIENTS, gradients_from, plain_call, run_of
from grusym.oracle.targets.process import NoAnswer, Process

VERSION = 1
EXCERPT = 80  # characters of a line that is no answer
# What C prints for numbers that JSON does not have.
NOT_JSON = re.compile(r"(?<=[\[,\s])([+-]?)(nan|inf)(?:inity|\([^)]*\))?(?=[\],\s])", re.IGNORECASE)


class Command:
    """A program that answers `forward` and, if it says so, `gradients`; an answer may take `seconds`."""

    def __init__(self, command: str, plan: Plan, seconds: float = 10.0):
        """Start it and ask what it can. Raises InputError where it cannot be run, or does not speak the protocol."""
        try:
            self._words = shlex.split(command)
        except ValueError as error:
            raise InputError(f"cannot read the command {command!r}: {error}; quote it as a shell would") from error
        if not self._words:
            raise InputError("the command is empty; give the path of a program that speaks JSON lines")
        self.name, self.seconds = command, seconds
        self._process: Process | None = None
        self._lock, self._id = Lock(), 0
        described = self._described(plan)
        self._gradients = bool(described.get("gradients", False))
        self.fixed = self._fixed(plan, described.get("sizes", {}))

    @property
    def location(self) -> Location | None:
        """Of the words, the last that is a file: of `node harness.js`, the script."""
        files = [word for word in self._words if Path(word).is_file()]
        return file_of(files[-1], self.name, "function") if files else None

    @property
    def has_gradients(self) -> bool:
        return self._gradients

    def forward(self, case: Case) -> Run:
        return run_of(case, self._arrays(case, FORWARD))

    def gradients(self, case: Case) -> Arrays:
        return gradients_from(case, self._arrays(case, GRADIENTS))

    def _described(self, plan: Plan) -> dict[str, Any]:
        request = {
            "grusym": VERSION,
            "op": "describe",
            "cell": plan.cell.name,
            "options": settings_of(plan.cell) if plan.cell.name in BUILT_IN else {},
            "convention": plan.convention or "own",
            "dtype": plan.dtype,
        }
        try:
            answer = self._asked(request)
        except NoAnswer as gone:
            raise InputError(f"the command {self.name} {gone}, when asked to describe itself; {SEE}") from gone
        except _GarbageError as garbage:
            raise InputError(f"the command {self.name} {garbage}, when asked to describe itself; {SEE}") from garbage
        if "error" in answer:
            raise InputError(f"the command {self.name} refuses {plan.cell.spelling}: {answer['error']}")
        return answer

    def _fixed(self, plan: Plan, sizes: Any) -> Mapping[str, int]:
        names = [symbol.name for symbol in Layer(plan.cell).sizes[2:]]
        right = isinstance(sizes, dict) and all(
            name in names and isinstance(number, int) and number > 0 for name, number in sizes.items()
        )
        if not right:
            raise InputError(
                f"the command {self.name} describes its sizes as {sizes!r}; they are numbers for some of "
                f"{', '.join(names)}; {SEE}"
            )
        return dict(sizes)

    def _arrays(self, case: Case, role: str) -> dict[str, Any]:
        call = plain_call(case, role)
        request = {
            "op": role,
            "sizes": dict(call.sizes),
            "arrays": {name: [float(value) for value in array.reshape(-1)] for name, array in call.given.items()},
            "shapes": {name: list(array.shape) for name, array in call.given.items()},
            "wanted": {name: list(shape) for name, shape in call.wanted.items()},
        }
        try:
            answer = self._asked(request)
        except NoAnswer as gone:
            check, verb = (HANG, "") if gone.late else ("crash", "did not answer: it ")
            sizes = ", ".join(f"{name}={number}" for name, number in call.sizes.items())
            raise Misbehaviour(check, f"{self.name} {verb}{gone}, for {sizes}", costly=gone.late) from gone
        except _GarbageError as garbage:
            raise Misbehaviour("answer", f"{self.name} {garbage}") from garbage
        if "error" in answer:
            raise Misbehaviour("exception", f"{self.name} answered with the error {answer['error']!r}")
        arrays = answer.get("arrays")
        if not isinstance(arrays, dict):
            raise Misbehaviour("answer", f'{self.name} answered without an object "arrays"')
        unknown = [name for name in arrays if name not in call.wanted]
        if unknown:
            raise Misbehaviour("answer", f"{self.name} answered with {', '.join(unknown)}, which was not asked for")
        missing = [series.name for series in Layer(case.cell).series if role == FORWARD and series.name not in arrays]
        if missing:
            raise Misbehaviour("answer", f"{self.name} answered without {', '.join(missing)}")
        return {name: _array(name, found, call.wanted[name], case.dtype) for name, found in arrays.items()}

    def _asked(self, request: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            self._process = self._process or Process(self._words)
            self._id += 1
            line = json.dumps({"id": self._id, **request}, allow_nan=False) + "\n"
            try:
                answered = self._process.ask(line.encode(), _line, self.seconds)
                answer = _parsed(answered)
                if "op" in answer:
                    raise _GarbageError("repeated the request")
                if answer.get("id") != self._id:
                    raise _GarbageError(f"answered request {self._id} with the id {answer.get('id')!r}")
            except (NoAnswer, _GarbageError):
                self._process.close()
                self._process = None
                raise
            return answer


SEE = "see grusym/oracle/PROTOCOL.md for what it has to answer"


class _GarbageError(Exception):
    """A line that is no answer."""


def _line(data: bytearray) -> int | None:
    return data.find(b"\n") + 1 or None


def _parsed(line: bytes) -> dict[str, Any]:
    text = line.decode("utf-8", "replace").strip()
    try:
        answer = json.loads(text)
    except ValueError:
        try:
            answer = json.loads(NOT_JSON.sub(_spelt_for_json, text))
        except ValueError:
            answer = None
    except RecursionError:
        answer = None
    if not isinstance(answer, dict):
        shown = text if len(text) <= EXCERPT else f"{text[:EXCERPT]}..."
        raise _GarbageError(f"answered {shown!r}, which is no line with a JSON object")
    return answer


def _spelt_for_json(found: "re.Match[str]") -> str:
    sign, word = found.groups()
    return "NaN" if word.lower() == "nan" else f"{sign.replace('+', '')}Infinity"


def _array(name: str, found: Any, shape: tuple[int, ...], dtype: str) -> Any:
    """Numbers as an array: a list of all in order, or nested lists; text is hexadecimal, null is not a number."""
    try:
        values = np.array(_number_or_list(found), np.float64)
    except (TypeError, ValueError) as error:
        raise Misbehaviour("output-type", f"{name} is no list of numbers ({error})") from None
    flat = (int(np.prod(shape)),)
    if values.shape not in (shape, flat):
        raise Misbehaviour(
            "output-shape", f"{name} has shape {values.shape}, but {shape} is wanted, or {flat[0]} numbers"
        )
    with np.errstate(over="ignore"):
        return values.reshape(shape).astype(dtype)


def _number_or_list(found: Any) -> Any:
    match found:
        case list():
            return [_number_or_list(one) for one in found]
        case str():
            return float.fromhex(found)
        case None:
            return float("nan")
        case bool() | dict():
            raise TypeError(f"{found!r} is no number")
    return float(found)
