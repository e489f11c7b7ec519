"""The process that a shared library is loaded into: it calls its functions on guarded arrays, one request at a time.

It imports nothing but the standard library and cffi: it is started anew after every crash.
"""

import os
import signal
import sys
import threading
import time
from typing import Any

from cffi import FFI

from grusym.oracle.targets import faults, guarded_memory
from grusym.oracle.targets.frames import HEAD, frame, unframed
from grusym.oracle.targets.guarded_memory import Memory, Placed

DECLARATIONS = """
void *dlopen(const char *path, int mode);
void *dlsym(void *library, const char *symbol);
char *dlerror(void);
"""
OVERLAP = 0.03  # seconds for which calls are repeated in threads beside each other
GRACE = 5  # seconds after which a call that hangs ends by itself, if nobody is left to end it


class Child:
    """A loaded library and the arrays of the call that is running."""

    def __init__(self, requests: int, answers: int):
        self.requests, self.answers = requests, answers
        self.ffi = FFI()
        self.ffi.cdef(DECLARATIONS + guarded_memory.DECLARATIONS + faults.DECLARATIONS)
        self.system = self.ffi.dlopen(None)
        self.memory = Memory(self.ffi, self.system)
        self.arrays: list[tuple[str, Placed]] = []
        self.functions: dict[str, Any] = {}
        self.watching = faults.watch(self.ffi, self.system, self.at_fault)

    def serve(self) -> None:
        """Answer until nobody asks any more."""
        while head := self._read(HEAD.size):
            header, payload = unframed(head + self._read(sum(HEAD.unpack(head))))
            signal.alarm(int(header["seconds"]) + GRACE)
            answer = self.open(header) if header["op"] == "open" else self.call(header, payload)
            signal.alarm(0)
            self._write(answer)

    def open(self, header: dict[str, Any]) -> bytes:
        """Load the library and look the symbols up."""
        self.system.dlerror()  # looked up by now: to look it up later would clear the error
        library = self.system.dlopen(header["library"].encode(), os.RTLD_NOW | os.RTLD_LOCAL)
        if not library:
            return frame({"refused": self.ffi.string(self.system.dlerror()).decode("utf-8", "replace")})
        for symbol in header["symbols"]:
            self.functions[symbol] = self.system.dlsym(library, symbol.encode())
            if not self.functions[symbol]:
                return frame({"missing": symbol})
        return frame({})

    def call(self, header: dict[str, Any], payload: bytes) -> bytes:
        """Call a function on every set of inputs of the payload, in a thread each where there are several."""
        itemsize, buffers = header["itemsize"], header["buffers"]
        sizes = [(count * itemsize, itemsize) for _, count, _ in buffers]
        zones = self.memory.zones(sizes * header["sets"])
        sets, used = [], 0
        self.arrays = []
        for _ in range(header["sets"]):
            placed = []
            for (name, count, given), zone in zip(buffers, zones, strict=False):
                content = payload[used : used + count * itemsize] if given else None
                used += count * itemsize if given else 0
                placed.append(zone.place(count * itemsize, itemsize, header["where"], content))
                self.arrays.append((name, placed[-1]))
            sets.append(placed)
        kind = f"int(*)({', '.join(['int64_t'] * len(header['sizes']) + ['void *'] * len(buffers))})"
        function = self.ffi.cast(kind, self.functions[header["symbol"]])
        calls = [(*header["sizes"], *(self.ffi.cast("void *", p.address) for p in placed)) for placed in sets]
        outputs = [[p for p, (_, _, given) in zip(placed, buffers, strict=True) if not given] for placed in sets]
        statuses = [function(*arguments) for arguments in calls]
        results = [b"".join(bytes(p.inside) for p in placed) for placed in outputs]
        wrong = self.wrong(header, payload, statuses)
        if wrong is None and len(sets) > 1:
            results = self.beside_each_other(function, calls, outputs, results)
            wrong = self.wrong(header, payload, statuses)
        return wrong or frame({}, b"".join(results))

    def wrong(self, header: dict[str, Any], payload: bytes, statuses: list[int]) -> bytes | None:
        """What a call did that none may do."""
        for name, placed in self.arrays:
            beyond = placed.touched()
            if beyond is not None:
                return frame({"check": "out-of-bounds-write", "array": name, "beyond": beyond})
        used = 0
        for (name, placed), (_, _, given) in zip(self.arrays, header["buffers"] * header["sets"], strict=True):
            if given:
                size = len(placed.inside)
                if placed.inside != payload[used : used + size]:
                    return frame({"check": "input-unchanged", "array": name})
                used += size
        for status in statuses:
            if status:
                return frame({"check": "status", "status": status})
        for (name, placed), (_, _, given) in zip(self.arrays, header["buffers"] * header["sets"], strict=True):
            element = None if given else placed.unwritten()
            if element is not None:
                return frame({"check": "uninitialised", "array": name, "element": element})
        return None

    def beside_each_other(
        self, function: Any, calls: list[Any], outputs: list[list[Placed]], alone: list[bytes]
    ) -> list[bytes]:
        """What the same calls give in threads; the first result that differs from that alone, if any does."""
        found, barrier = list(alone), threading.Barrier(len(calls))

        def run(number: int) -> None:
            barrier.wait()
            until = time.monotonic() + OVERLAP
            while found[number] == alone[number] and time.monotonic() < until:
                function(*calls[number])
                found[number] = b"".join(bytes(placed.inside) for placed in outputs[number])

        threads = [threading.Thread(target=run, args=(number,)) for number in range(len(calls))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return found

    def at_fault(self, address: int, wrote: bool | None) -> None:
        """Say which array a forbidden access belongs to, and end."""
        header: dict[str, Any] = {"check": "crash", "address": address, "wrote": wrote, "ended": True}
        for name, placed in self.arrays:
            beyond = placed.beyond(address)
            if beyond is not None:
                check = "out-of-bounds-read" if wrote is False else "out-of-bounds-write"
                header |= {"check": check, "array": name, "beyond": beyond}
                break
        self._write(frame(header))
        os._exit(1)

    def _read(self, count: int) -> bytes:
        """So many bytes; none at the end."""
        pieces = []
        while count:
            piece = os.read(self.requests, count)
            if not piece:
                return b""
            pieces.append(piece)
            count -= len(piece)
        return b"".join(pieces)

    def _write(self, data: bytes) -> None:
        left = memoryview(data)
        while left:
            left = left[os.write(self.answers, left) :]


def main() -> None:
    """Serve on the standard streams, which the library does not get: what it prints goes to the standard error."""
    requests, answers = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    sys.stdout.flush()
    Child(requests, answers).serve()
    os._exit(0)
