"""Functions of a shared library as a subject, called by the plain signature in a process of their own.

    int gru_forward_f32(int64_t T, int64_t B, int64_t I, int64_t H, const float *x, const float *h0,
                        const float *weight_ih, const float *weight_hh, const float *bias_ih, const float *bias_hh,
                        float *y, float *h_n);

For any cell and convention: the sizes in the order of the cell's axes, inputs, initial states, the convention's arrays,
then what is written; for gradients the cotangents come before that (grusym.oracle.targets.plain_call).
"""

import json
import re
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from grusym.errors import InputError
from grusym.oracle.case import Arrays, Case, Run
from grusym.oracle.location import file_of
from grusym.oracle.report import Location
from grusym.oracle.subject import HANG, Misbehaviour
from grusym.oracle.targets.frames import frame, length, unframed
from grusym.oracle.targets.guarded_memory import HIGH, LOW, ODD, PATTERNS
from grusym.oracle.targets.plain_call import FORWARD, GRADIENTS, PlainCall, gradients_from, plain_call, run_of
from grusym.oracle.targets.process import NoAnswer, Process

CHILD = """
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from grusym.oracle.targets.guarded_child import main
main()
"""
IDENTIFIER = re.compile(r"[A-Za-z_]\w*", re.ASCII)


class SharedLibrary:
    """`symbol` of the library at `path` computes the layer, `vjp_symbol` its gradients; a call may take `seconds`."""

    def __init__(self, path: str, symbol: str, vjp_symbol: str | None = None, seconds: float = 10.0):
        """Load it. Raises InputError where that cannot be, or a symbol is missing."""
        if not find_spec("cffi"):
            raise InputError("shared libraries are called through cffi, which is not installed; install grusym[oracle]")
        if not Path(path).is_file():
            raise InputError(f"there is no shared library {path!r}; give the path of a file")
        for word in filter(None, (symbol, vjp_symbol)):
            if not IDENTIFIER.fullmatch(word):
                raise InputError(f"{word!r} is no name of a C function; give one such as gru_forward_f32")
        self.path, self.symbol, self.vjp_symbol, self.seconds = path, symbol, vjp_symbol, seconds
        self._process: Process | None = None
        self._lock = Lock()
        with self._lock:
            self._start()

    @property
    def name(self) -> str:
        return f"{self.path}:{self.symbol}"

    @property
    def location(self) -> Location:
        return file_of(self.path, self.symbol, "function")

    @property
    def has_gradients(self) -> bool:
        return self.vjp_symbol is not None

    def forward(self, case: Case) -> Run:
        return run_of(case, self._called(self.symbol, [plain_call(case, FORWARD)], LOW)[0])

    def gradients(self, case: Case) -> Arrays:
        assert self.vjp_symbol is not None
        call = plain_call(case, GRADIENTS)
        self._called(self.vjp_symbol, [call], HIGH)  # what is read behind an array's end is seen there
        return gradients_from(case, self._called(self.vjp_symbol, [call], LOW)[0])

    def together(self, cases: Sequence[Case]) -> list[Run]:
        calls = [plain_call(case, FORWARD) for case in cases]
        results = self._called(self.symbol, calls, LOW)
        return [run_of(case, found) for case, found in zip(cases, results, strict=True)]

    def elsewhere(self, case: Case) -> list[Run]:
        call = plain_call(case, FORWARD)
        runs = [run_of(case, self._called(self.symbol, [call], HIGH)[0])]
        try:
            odd = self._called(self.symbol, [call], ODD)[0]
        except Misbehaviour as wrong:
            if wrong.check != "crash":
                raise
            what = f"{wrong.what}, with arrays that begin one element behind an aligned address"
            raise Misbehaviour("alignment", what) from wrong
        return [*runs, run_of(case, odd)]

    def _called(self, symbol: str, calls: Sequence[PlainCall], where: str) -> list[Mapping[str, Any]]:
        """What a function gives for calls of the same sizes."""
        call = calls[0]
        dtype = next(iter(call.given.values())).dtype
        _check_dtype(symbol, dtype)
        buffers = [(name, array.size, True) for name, array in call.given.items()]
        counts = {name: int(np.prod(shape, dtype=np.int64)) for name, shape in call.wanted.items()}
        buffers += [(name, count, False) for name, count in counts.items()]
        header = {
            "op": "call",
            "symbol": symbol,
            "sizes": list(call.sizes.values()),
            "buffers": buffers,
            "itemsize": dtype.itemsize,
            "sets": len(calls),
            "where": where,
            "seconds": self.seconds,
        }
        payload = b"".join(array.tobytes() for one in calls for array in one.given.values())
        with self._lock:
            answer, content = self._asked(symbol, call, frame(header, payload))
        if "check" in answer:
            raise Misbehaviour(answer["check"], f"{symbol} {_in_words(answer, call)}")
        values = np.frombuffer(content, dtype)
        ends = np.cumsum([*counts.values()] * len(calls))
        parts = iter(np.split(values, ends[:-1]))
        return [{name: next(parts).reshape(shape) for name, shape in call.wanted.items()} for _ in calls]

    def _asked(self, symbol: str, call: PlainCall, request: bytes) -> tuple[dict[str, Any], bytes]:
        process = self._process or self._start()
        try:
            answer, content = unframed(process.ask(request, length, self.seconds))
        except NoAnswer as gone:
            self._process = None
            if gone.late:
                what = f"{symbol} had not returned after {self.seconds:g} s, for {_sizes(call)}"
                raise Misbehaviour(HANG, what, costly=True) from gone
            raise Misbehaviour("crash", f"{symbol} did not return: its process {gone}, for {_sizes(call)}") from gone
        if answer.get("ended"):
            process.close()
            self._process = None
        return answer, content

    def _start(self) -> Process:
        path = [str(Path(__file__).parents[3]), *filter(None, sys.path)]
        process = Process([sys.executable, "-I", "-S", "-c", CHILD, json.dumps(path)])
        symbols = [self.symbol, *filter(None, [self.vjp_symbol])]
        header = {"op": "open", "library": str(Path(self.path).resolve()), "symbols": symbols, "seconds": self.seconds}
        try:
            answer, _ = unframed(process.ask(frame(header), length, self.seconds))
        except NoAnswer as gone:
            raise InputError(f"cannot load the shared library {self.path}: the process that loads it {gone}") from gone
        if "check" in answer:
            raise InputError(f"cannot load the shared library {self.path}: it reads or writes what is not its own")
        if "refused" in answer:
            why = f"{answer['refused']}; build it for this system"
            raise InputError(f"cannot load the shared library {self.path}: {why}")
        if "missing" in answer:
            hint = f"see nm -D {self.path} for what it exports"
            raise InputError(f"the shared library {self.path} has no symbol {answer['missing']}; {hint}")
        self._process = process
        return process


SUFFIXES = {"bf16": "bfloat16", "f16": "float16", "f32": "float32", "f64": "float64"}


def _check_dtype(symbol: str, dtype: Any) -> None:
    said = SUFFIXES.get(symbol.rpartition("_")[2], str(dtype))
    if said != str(dtype) or dtype.itemsize not in PATTERNS:
        raise InputError(f"{symbol} takes {said} by its name, but would be given {dtype}; use --dtype {said}")


def _in_words(answer: Mapping[str, Any], call: PlainCall) -> str:
    """What the process reported, after the name of the function."""
    check, sizes = answer["check"], _sizes(call)
    if check.startswith("out-of-bounds"):
        verb = {True: "wrote", False: "read", None: "wrote"}[answer.get("wrote")]
        distance = abs(answer["beyond"])
        side = "before the first" if answer["beyond"] < 0 else "behind the last"
        element = f"{distance} element{'s' if distance > 1 else ''} {side}"
        return f"{verb} out of bounds: {element} of {answer['array']}, for {sizes}"
    if check == "input-unchanged":
        return f"wrote to {answer['array']}, which belongs to its caller, for {sizes}"
    if check == "status":
        return f"returned {answer['status']}, which is not 0, for {sizes}"
    if check == "uninitialised":
        return (
            f"left in {answer['array']}, at element {answer['element']}, what was there or around the arrays before "
            f"the call: it is not written, added to, or computed from what is no input, for {sizes}"
        )
    how = {True: "writes to", False: "reads", None: "uses"}[answer.get("wrote")]
    return f"{how} the address {answer['address']:#x}, which is no array's, for {sizes}"


def _sizes(call: PlainCall) -> str:
    return ", ".join(f"{name}={number}" for name, number in call.sizes.items())
