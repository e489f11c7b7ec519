"""Where a forbidden access happened: a handler of SIGSEGV that is told the address.

The process cannot go on after it; the handler reports and ends it.
"""

import platform
import sys
from collections.abc import Callable
from typing import Any

DECLARATIONS = """
struct sigaction { void *handler; unsigned char mask[128]; int flags; void *restorer; };
int sigaction(int number, const struct sigaction *now, struct sigaction *before);
"""
SIGSEGV, SIGBUS = 11, 7
SA_SIGINFO = 4
ADDRESS = 16  # bytes into siginfo_t: si_addr
ERROR_CODE = 192  # bytes into the ucontext_t of x86-64: gregs[REG_ERR]
WROTE = 2  # the bit of the error code that says so

# Called with the address, and whether it was written (None: not known).
Report = Callable[[int, bool | None], None]


def watch(ffi: Any, library: Any, report: Report) -> Any:
    """Have `report` called at a forbidden access; what is returned must be kept. None where this is not known how."""
    machine = platform.machine()
    if sys.platform != "linux" or machine not in ("x86_64", "aarch64"):
        return None

    def handle(number: int, information: Any, context: Any) -> None:
        address = ffi.cast("uintptr_t *", information)[ADDRESS // 8]
        wrote = bool(ffi.cast("uintptr_t *", context)[ERROR_CODE // 8] & WROTE) if machine == "x86_64" else None
        report(int(address), wrote)

    callback = ffi.callback("void(int, void *, void *)", handle)
    action = ffi.new("struct sigaction *", {"handler": callback, "flags": SA_SIGINFO})
    for number in (SIGSEGV, SIGBUS):
        library.sigaction(number, action, ffi.NULL)
    return callback, action
