"""The Makefile beside a C kernel."""

from grusym.emit.c_interface import CKernel


def c_makefile(kernel: CKernel) -> str:
    """A Makefile that builds a static library and runs the self-test."""
    base = kernel.base
    return f"""\
# make: lib{base}.a and its self-test; make check: run it. CC, CPPFLAGS, CFLAGS and LDFLAGS are yours.
CC ?= cc
CFLAGS ?= -O2
STRICT = -std=c99 -Wall -Wextra -Werror -pedantic

all: lib{base}.a {base}_selftest

%.o: %.c {base}.h
\t$(CC) $(STRICT) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

lib{base}.a: {base}.o {base}_plain.o
\t$(AR) rcs $@ $^

{base}_selftest: {base}_selftest.o lib{base}.a
\t$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lm

check: {base}_selftest
\t./{base}_selftest

clean:
\trm -f {base}.o {base}_plain.o {base}_selftest.o lib{base}.a {base}_selftest

.PHONY: all check clean
"""
