"""The Makefile beside a C kernel."""

from grusym.emit.c_interface import CKernel


def c_makefile(kernel: CKernel) -> str:
    """A Makefile that builds a static library and runs the self-test."""
    base = kernel.base
    return f"""\
# make: lib{base}.a and its self-test; make check: run the self-test.
CC ?= cc
CFLAGS ?= -O2
CFLAGS += -std=c99 -Wall -Wextra -Werror -pedantic

all: lib{base}.a {base}_selftest

lib{base}.a: {base}.o {base}_plain.o
\t$(AR) rcs $@ $^

{base}.o {base}_plain.o {base}_selftest.o: {base}.h

{base}_selftest: {base}_selftest.o lib{base}.a
\t$(CC) $(CFLAGS) -o $@ $^ -lm

check: {base}_selftest
\t./{base}_selftest

clean:
\trm -f *.o lib{base}.a {base}_selftest

.PHONY: all check clean
"""
