"""The demo from beginning to end."""

from pathlib import Path

import numpy as np

from grusym.calculus.derivation import derive
from grusym.demo.checks import Check, training_checks, verification, verification_check
from grusym.demo.classifier import CELL, CONVENTION
from grusym.demo.digits import load
from grusym.demo.optional import PACKAGES, need
from grusym.demo.plot import loss_plot
from grusym.demo.showing import show_derivation, show_timing, show_training
from grusym.demo.summary import Results, summary_files
from grusym.demo.terminal import Terminal
from grusym.demo.timing import ROUNDS, time_gru
from grusym.demo.training import Settings, train
from grusym.demo.typeset import typeset
from grusym.emit.generate import generate
from grusym.emit.text import text_document
from grusym.equations.library import cell
from grusym.files import write_files
from grusym.runtime.kernel import build
from grusym.verify.report import print_report

DTYPE = "float64"
STAGES = 9


def demo(directory: Path, settings: Settings | None = None) -> bool:
    """Derive, generate, compile, verify, train and time a GRU; write everything into `directory`.

    Returns whether every check passed: the verification, the loss curves beside PyTorch's, the accuracy. Raises
    InputError where PyTorch, scikit-learn or matplotlib is not installed or the directory cannot be written,
    CompilerError where there is no C compiler.
    """
    settings = settings or Settings()
    terminal = Terminal(STAGES)
    with terminal.stage("load PyTorch, scikit-learn and matplotlib"):
        for package in PACKAGES:
            need(package)
    with terminal.stage("derive the gradients"):
        derivation = derive(cell(CELL))
    show_derivation(terminal, derivation)
    with terminal.stage("generate kernels and documents"):
        texts = {f"{derivation.cell.symbol}.txt": text_document(derivation)}
        for target, folder in (("c", "c/"), ("numpy", "numpy/"), ("latex", "")):
            generated = generate(derivation.cell, target, DTYPE, CONVENTION)
            texts |= {f"{folder}{name}": text for name, text in generated.files.items()}
        written = write_files(directory, texts)
    with terminal.stage("typeset the derivation"):
        pdf, reason = typeset(texts[f"{derivation.cell.symbol}.tex"])
        if pdf is not None:
            written += write_files(directory, {f"{derivation.cell.symbol}.pdf": pdf})
    if reason:
        terminal.say(f"no PDF was made: {reason}; the LaTeX is in {directory}", "yellow")
    with terminal.stage("compile"):
        kernels = {
            "C kernel": build(derivation.cell, "c", DTYPE, CONVENTION),
            "NumPy kernel": build(derivation.cell, "numpy", DTYPE, CONVENTION),
        }
    with terminal.stage("verify") as advance:
        report = verification(derivation.cell, lambda what: advance(0, None, what))
    terminal.heading("Verification of the generated kernels")
    print_report(report, terminal.out)
    with terminal.stage(f"train, {settings.steps} steps") as advance:
        digits = load(settings.seed)
        training = train(
            kernels["C kernel"],
            digits,
            settings,
            lambda done, loss: advance(done, settings.steps, f"loss {loss:.4f}"),
        )
    show_training(terminal, training)
    with terminal.stage("time the kernels") as advance:
        x = digits.train.take(np.arange(settings.batch)).x
        timings = time_gru(kernels, x, training.weights, lambda done: advance(done, ROUNDS, ""))
    T, B, I = x.shape
    show_timing(terminal, timings, f"{DTYPE}, T={T} B={B} I={I} H={settings.hidden}")
    checks: list[Check] = [verification_check(report), *training_checks(training, len(digits.test))]
    with terminal.stage("draw and sum up"):
        results = Results(generated.fingerprint, settings, training, timings, checks, report, reason, terminal.seconds)
        written += write_files(directory, {"loss.png": loss_plot(training), **summary_files(results, digits)})
    terminal.heading(f"Checked, in {sum(terminal.seconds.values()):.0f} s")
    for check in checks:
        terminal.verdict(check.passed, check.claim, check.figures)
    terminal.heading(f"Written to {directory}")
    terminal.paragraph(", ".join(path.relative_to(directory).as_posix() for path in written))
    return all(check.passed for check in checks)
