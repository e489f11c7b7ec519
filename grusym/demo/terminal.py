"""What a user sees: results on stdout, prose and progress on stderr, bars only on a terminal."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from textwrap import fill
from time import perf_counter

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

INDENT, WIDTH = "  ", 79
Advance = Callable[[int, int | None, str], None]


class Terminal:
    """Numbers the stages of the work, keeps their times, and prints what comes out."""

    def __init__(self, stages: int):
        self.out = Console(highlight=False)
        self.err = Console(stderr=True, highlight=False)
        self.stages = stages
        self.seconds: dict[str, float] = {}
        self.shown = False  # whether a result stands on the terminal since the last stage

    @contextmanager
    def stage(self, title: str) -> Iterator[Advance]:
        """Announce a stage; what it yields moves the bar: (done, total, remark). Afterwards the time it took."""
        number = f"[{len(self.seconds) + 1}/{self.stages}]"
        live = sys.stderr.isatty() and self.err.is_terminal and not self.err.is_dumb_terminal
        if not live:
            self.say(f"{number} {title} ... ", end="")
        elif self.shown:
            self.say("")
        self.shown = False
        bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[remark]}", markup=False),
            TimeElapsedColumn(),
            console=self.err,
            transient=True,
            disable=not live,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        start = perf_counter()
        took = "stopped"
        try:
            with bar:
                task = bar.add_task(f"{number} {title}", total=None, remark="")
                yield lambda done, total, remark: bar.update(task, completed=done, total=total, remark=remark)
            self.seconds[title] = perf_counter() - start
            took = f"{self.seconds[title]:.1f} s"
        finally:
            self.say(f"{number} {title}: {took}" if live else took)

    def say(self, text: str, style: str = "", end: str = "\n") -> None:
        """Prose."""
        self.err.print(Text(text, style), soft_wrap=True, end=end)

    def heading(self, text: str) -> None:
        """What the results below are."""
        self.shown = True
        self.out.print()
        self.out.print(Text(text, "bold"), soft_wrap=True)
        self.out.print()

    def text(self, text: str) -> None:
        """A result, as it is: brackets are indices, and lines are not wrapped."""
        self.out.print(Text(text), soft_wrap=True)

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """A result: the first column names, the others are figures."""
        widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
        for row in (columns, *rows):
            figures = (f"{cell:>{width}}" for cell, width in zip(row[1:], widths[1:], strict=True))
            self.text(INDENT + "   ".join([f"{row[0]:<{widths[0]}}", *figures]))

    def paragraph(self, text: str) -> None:
        """A result in words, as wide as a page."""
        self.text(fill(text, WIDTH, initial_indent=INDENT, subsequent_indent=INDENT, break_on_hyphens=False))

    def verdict(self, passed: bool, claim: str, figures: str) -> None:
        word, style = ("ok", "green") if passed else ("FAILED", "bold red")
        self.out.print(Text.assemble(INDENT, (f"{word:<6}", style), f"  {claim}"), soft_wrap=True)
        self.text(f"{INDENT}        {figures}")
