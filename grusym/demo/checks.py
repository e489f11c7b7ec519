"""What the demo claims, each claim checked: one that does not hold fails the demo."""

from dataclasses import dataclass

from grusym.demo.training import FEWEST_STEPS, TOLERANCE, WANTED_ACCURACY, Training


@dataclass(frozen=True)
class Check:
    """A claim, whether it holds, and the figures that decided."""

    claim: str
    passed: bool
    figures: str


def training_checks(training: Training, images: int) -> list[Check]:
    """The loss curves agree step by step, and both classifiers recognise the digits; `images` were tested."""
    steps = len(training.differences)
    return [
        Check(
            "the loss curves agree step by step",
            training.curves_agree,
            f"largest difference {training.differences.max():.1e} "
            f"({TOLERANCE:.0e} allowed) in {steps} steps ({FEWEST_STEPS} wanted)",
        ),
        Check(
            "the classifier recognises digits it has not seen",
            training.learned,
            f"{training.kernel_accuracy:.1%} of {images} test images, PyTorch {training.torch_accuracy:.1%} "
            f"(more than {WANTED_ACCURACY:.0%} wanted)",
        ),
    ]
