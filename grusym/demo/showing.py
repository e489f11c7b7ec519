"""What the demo prints of its results: equations, gradients, training, timing."""

from collections.abc import Mapping
from textwrap import dedent, indent

from grusym.calculus.derivation import Derivation
from grusym.demo.terminal import INDENT, Terminal
from grusym.demo.timing import ROUNDS, Timing
from grusym.demo.training import Training
from grusym.emit.text import text_document

SHOWN_STEPS = (1, 10, 50, 100, 200, 400)


def show_derivation(terminal: Terminal, derivation: Derivation) -> None:
    """The equations as they were written, and the gradients that were derived from them."""
    terminal.heading("The equations: a repeated index that is absent on the left is summed")
    terminal.text(indent(str(derivation.cell), INDENT))
    for title, body in sections(text_document(derivation)).items():
        if title.startswith("Backpropagation through time"):
            legend = title.partition(" (")[2].rstrip(")")
            terminal.heading("The gradients derived from them: backpropagation through time")
            terminal.text(indent(f"{legend}\n\n{dedent(body)}", INDENT))


def sections(document: str) -> dict[str, str]:
    """The indented parts of a text document by the lines at the margin above them.

    >>> sections("Equations\\n\\n    y = x\\n\\nSaved\\n\\n    x\\n")
    {'Equations': '    y = x', 'Saved': '    x'}
    """
    found: dict[str, list[str]] = {}
    for line in document.splitlines():
        if line and not line.startswith(" "):
            body = found.setdefault(line, [])
        elif found:
            body.append(line)
    return {title: "\n".join(lines).strip("\n") for title, lines in found.items()}


def show_training(terminal: Terminal, training: Training) -> None:
    """The losses of some steps, both and how far they are apart."""
    total = len(training.kernel_losses)
    steps = sorted({step for step in SHOWN_STEPS if step < total} | {total})
    rows = [
        (
            str(step),
            f"{training.kernel_losses[step - 1]:.12f}",
            f"{training.torch_losses[step - 1]:.12f}",
            f"{training.differences[step - 1]:.1e}",
        )
        for step in steps
    ]
    terminal.heading("Training on scikit-learn's digits: the loss before a step")
    terminal.table(("step", "C kernel", "PyTorch", "difference"), rows)


def show_timing(terminal: Terminal, timings: Mapping[str, Timing], sizes: str) -> None:
    """Milliseconds of a pass, and in a sentence who was faster."""
    rows = [(name, f"{t.median:.2f}", f"{t.low:.2f} to {t.high:.2f}") for name, t in timings.items()]
    terminal.heading(f"Forward and backward of the GRU layer, on one thread: {sizes}")
    terminal.table(("ms", "median", "middle half"), rows)
    terminal.text("")
    terminal.paragraph(f"Of {ROUNDS} rounds, taken in turn. {comparison(timings)}")


def comparison(timings: Mapping[str, Timing]) -> str:
    """Which of the first and PyTorch was faster, by how much.

    >>> comparison({"C": Timing(4.0, 3.0, 5.0), "PyTorch": Timing(2.0, 2.0, 2.0)})
    'PyTorch was 2.0 times as fast as the C: the schedule "reference" is plain loops, written to be read.'
    """
    name, first = next(iter(timings.items()))
    ratio = first.median / timings["PyTorch"].median
    plain = 'the schedule "reference" is plain loops, written to be read'
    if ratio >= 1:
        return f"PyTorch was {ratio:.1f} times as fast as the {name}: {plain}."
    return f"The {name} was {1 / ratio:.1f} times as fast as PyTorch, though {plain}."
