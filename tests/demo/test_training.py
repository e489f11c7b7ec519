"""Training with the kernel and in PyTorch: the same, unless the kernel is wrong."""

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("sklearn")
import torch
from sklearn.datasets import load_digits

from grusym.demo.classifier import MOMENTUM, Classifier, Descent, cross_entropy, initial_weights
from grusym.demo.digits import Digits, batches, load
from grusym.demo.plot import loss_plot
from grusym.demo.training import FEWEST_STEPS, Settings, Training, train
from tests.demo.kernels import NoCarry, NoRecurrentBias, NotANumber, Planted, ScaledGradient, WrongState, gru

SHORT = Settings(hidden=16, batch=16, steps=FEWEST_STEPS)


@pytest.fixture(scope="module")
def digits() -> Digits:
    return load(0)


def random(*shape: int) -> np.ndarray:
    return np.random.default_rng(shape).normal(size=shape)


@pytest.mark.parametrize("scale", [1.0, 1e3])
def test_the_readouts_gradients_are_pytorchs(scale):
    h, weight, bias = scale * random(5, 4), random(10, 4), random(10)
    labels = np.array([3, 0, 9, 3, 1])
    ours = cross_entropy(h, labels, weight, bias)
    tensors = [torch.tensor(array, requires_grad=True) for array in (h, weight, bias)]
    loss = torch.nn.functional.cross_entropy(torch.nn.functional.linear(*tensors), torch.tensor(labels))
    np.testing.assert_allclose(ours.loss, loss.item(), rtol=1e-14)
    for found, wanted in zip((ours.h, ours.weight, ours.bias), torch.autograd.grad(loss, tensors), strict=True):
        np.testing.assert_allclose(found, wanted.numpy(), rtol=1e-12, atol=1e-15 * scale)


def test_descent_steps_as_pytorchs():
    weights = {"W": random(3, 2), "b": random(3)}
    parameters = [torch.tensor(weight, requires_grad=True) for weight in weights.values()]
    theirs, ours = torch.optim.SGD(parameters, lr=0.2, momentum=MOMENTUM), Descent(0.2)
    for step in range(20):
        gradients = {"W": random(step + 1, 3, 2)[0], "b": random(step + 1, 3)[0]}
        for parameter, gradient in zip(parameters, gradients.values(), strict=True):
            parameter.grad = torch.tensor(gradient)
        theirs.step()
        ours.step(weights, gradients)
        for weight, parameter in zip(weights.values(), parameters, strict=True):
            np.testing.assert_allclose(weight, parameter.detach().numpy(), rtol=1e-14, atol=1e-15)


def test_descent_leaves_the_gradients_alone():
    gradient = np.ones(2)
    descent = Descent(0.1)
    for _ in range(2):
        descent.step({"b": np.zeros(2)}, {"b": gradient})
    np.testing.assert_array_equal(gradient, np.ones(2))


def test_the_classifiers_gradients_are_numerical_gradients(digits):
    weights = initial_weights(8, 3, seed=1)
    classifier = Classifier(gru(), weights, Descent(0.1))
    batch = digits.train.take(np.arange(4))
    _, gradients = classifier.loss_and_gradients(batch.x, batch.labels)
    assert set(gradients) == set(weights)
    for name, weight in weights.items():
        where = tuple(extent - 1 for extent in weight.shape)
        losses = []
        for step in (1e-5, -2e-5):
            weight[where] += step
            losses.append(classifier.loss_and_gradients(batch.x, batch.labels)[0])
        weight[where] += 1e-5
        np.testing.assert_allclose(gradients[name][where], (losses[0] - losses[1]) / 2e-5, rtol=1e-6, err_msg=name)


def test_the_digits_are_split_once_and_by_class(digits):
    assert digits.train.x.shape == (8, 1347, 8)
    assert digits.test.x.shape == (8, 450, 8)
    whole = np.concatenate([digits.train.x, digits.test.x], axis=1)
    assert whole.min() == 0
    assert whole.max() == 1
    original = load_digits().images / 16
    assert sorted(image.tobytes() for image in whole.transpose(1, 0, 2)) == sorted(
        image.tobytes() for image in original
    )
    shares = np.bincount(digits.test.labels) / np.bincount(np.r_[digits.test.labels, digits.train.labels])
    np.testing.assert_allclose(shares, 0.25, atol=0.005)
    np.testing.assert_array_equal(load(0).test.labels, digits.test.labels)
    assert not np.array_equal(load(1).test.labels, digits.test.labels)


def test_a_pass_over_the_data_takes_no_image_twice(digits):
    few = digits.train.take(np.arange(10))
    drawn = list(batches(few, size=4, count=5, seed=0))
    assert [batch.x.shape for batch in drawn] == [(8, 4, 8)] * 5
    for first, second in (drawn[:2], drawn[2:4]):
        images = {image.tobytes() for batch in (first, second) for image in batch.x.transpose(1, 0, 2)}
        assert len(images) == 8
    again = batches(few, size=4, count=5, seed=0)
    assert all(np.array_equal(a.x, b.x) for a, b in zip(drawn, again, strict=True))


def test_the_curves_agree(digits):
    threads, losses = torch.get_num_threads(), []
    training = train(gru(), digits, SHORT, lambda done, loss: losses.append((done, loss)))
    assert training.curves_agree
    assert training.differences.max() < 1e-12
    assert [done for done, _ in losses] == list(range(1, SHORT.steps + 1))
    assert [loss for _, loss in losses] == training.kernel_losses.tolist()
    assert training.kernel_losses[-10:].mean() < training.kernel_losses[0] / 2
    assert training.kernel_accuracy == training.torch_accuracy
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize("planted", [ScaledGradient, NoCarry, NoRecurrentBias, WrongState, NotANumber])
@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")
def test_a_planted_bug_parts_the_curves(digits, planted):
    assert not train(planted(gru()), digits, SHORT).curves_agree


def test_nothing_planted_parts_nothing(digits):
    assert train(Planted(gru()), digits, SHORT).curves_agree


def curves(differences: np.ndarray, accuracy: float = 1.0) -> Training:
    return Training(differences, np.zeros_like(differences), accuracy, 1.0, {})


@pytest.mark.parametrize(
    ("differences", "agree"),
    [
        (np.zeros(FEWEST_STEPS), True),
        (np.full(FEWEST_STEPS, 1e-5), True),
        (np.zeros(FEWEST_STEPS - 1), False),
        (np.r_[np.zeros(FEWEST_STEPS), 1.01e-5], False),
        (np.r_[np.zeros(FEWEST_STEPS), -1.01e-5], False),
        (np.r_[np.zeros(FEWEST_STEPS), np.nan], False),
        (np.r_[np.inf, np.zeros(FEWEST_STEPS)], False),
    ],
)
def test_what_agreement_means(differences, agree):
    assert curves(differences).curves_agree is agree


def test_what_learned_means():
    assert not curves(np.zeros(FEWEST_STEPS), 0.95).learned
    assert curves(np.zeros(FEWEST_STEPS), 0.951).learned


@pytest.mark.parametrize("odd", [0.0, 1e-19, 0.5, np.nan, np.inf])
def test_the_plot_is_drawn_whatever_the_curves_are(odd):
    pytest.importorskip("matplotlib")
    losses = np.linspace(2, 1, FEWEST_STEPS)
    apart = losses + np.where(np.arange(FEWEST_STEPS) == 7, odd, 0)
    assert loss_plot(Training(apart, losses, 0.5, 0.5, {})).startswith(b"\x89PNG")
