"""The picture: both loss curves, and below them how far they are apart, on a log axis."""

from io import BytesIO
from typing import Any

import numpy as np

from grusym.demo.optional import need
from grusym.demo.training import TOLERANCE, Training

PALE, DARK, LIMIT, INK = "#f4a582", "#1b3a5c", "#b2182b", "#333333"


def loss_plot(training: Training) -> bytes:
    """A PNG. Raises InputError where matplotlib is not installed."""
    agg = need("matplotlib.backends.backend_agg")
    figure = need("matplotlib.figure").Figure(figsize=(9, 6), dpi=150, layout="constrained")
    agg.FigureCanvasAgg(figure)
    losses, differences = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    figure.suptitle("A GRU learns handwritten digits: generated C kernel beside PyTorch", color=INK, fontsize=14)
    _losses(losses, training)
    _differences(differences, training)
    for axes in (losses, differences):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25)
        axes.margins(x=0.02)
    png = BytesIO()
    figure.savefig(png, format="png")
    return png.getvalue()


def _losses(axes: Any, training: Training) -> None:
    steps = np.arange(1, len(training.kernel_losses) + 1)
    theirs = f"PyTorch with autograd: {training.torch_accuracy:.1%} of the test images right"
    ours = f"generated C, gradients derived symbolically: {training.kernel_accuracy:.1%} right"
    axes.plot(steps, training.torch_losses, color=PALE, linewidth=4, label=theirs, solid_capstyle="round")
    axes.plot(steps, training.kernel_losses, color=DARK, linewidth=1, label=ours)
    axes.set_yscale("log")
    axes.set_ylabel("loss (cross entropy)")
    axes.legend(frameon=False, loc="upper right")


def _differences(axes: Any, training: Training) -> None:
    differences = training.differences
    steps = np.arange(1, len(differences) + 1)
    equal, apart = differences == 0, np.isfinite(differences) & (differences > 0)
    lowest, highest = differences[apart].min(initial=TOLERANCE), differences[apart].max(initial=TOLERANCE)
    floor = lowest / 30  # a log axis has no zero
    axes.scatter(steps[apart], differences[apart], s=7, color=DARK, linewidths=0)
    axes.scatter(steps[equal], np.full(equal.sum(), floor), s=7, color=PALE, linewidths=0)
    axes.axhline(TOLERANCE, color=LIMIT, linewidth=1.2, linestyle="--")
    exponent = round(np.log10(TOLERANCE))
    axes.text(steps[-1], TOLERANCE / 3, f"allowed: $10^{{{exponent}}}$", color=LIMIT, ha="right", va="top")
    axes.set_yscale("log")
    axes.set_ylim(floor / 4, highest * 10)
    axes.set_ylabel("|difference|")
    axes.set_xlabel("step of training")
    title = f"largest difference {differences.max():.1e}"
    if equal.any():
        title += f"; pale: the {equal.sum()} steps where both losses are equal to the last bit"
    axes.set_title(title, fontsize=10, color=INK)
