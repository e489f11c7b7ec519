"""What Keras does around a cell, told in plain NumPy: masks, layers that run backwards, both directions."""

import numpy as np
import pytest

from tests.systems.agreement import assert_close, by_grusym, kernel_of, lowered_of, random_series, tolerances
from tests.systems.keras_layers import WARNING, import_on_torch, initial, layer, run
from tests.systems.presence import require
from tests.systems.sequences import over_lengths

require("keras", "keras")
require("torch", "torch")
pytestmark = [pytest.mark.systems, pytest.mark.filterwarnings(WARNING)]

SIZES = {"T": 6, "B": 3, "I": 4, "H": 5}
MASK = np.array([[1, 0, 1], [0, 0, 1], [1, 1, 0], [1, 0, 0], [0, 1, 0], [1, 0, 0]], bool)


@pytest.fixture(scope="module", autouse=True)
def _keras():
    import_on_torch()


def problem(spelling="gru:reset=after", seed=0):
    lowered = lowered_of(spelling, "keras")
    given, _ = random_series(lowered, SIZES, "float32", seed)
    return lowered, initial(lowered.cell, SIZES, "float32", seed), given


def masked(lowered, arrays, given, mask, zeros):
    """The steps that count, by themselves; between them the last output is repeated, zero at first, or zeros stand."""
    lengths, x = mask.sum(0), np.zeros_like(given["x"])
    for sample, length in enumerate(lengths):
        x[:length, sample] = given["x"][mask[:, sample], sample]
    shown = mask if zeros else np.cumsum(mask, 0) > 0
    last = np.maximum(np.cumsum(mask, 0) - 1, 0)[:, :, None]
    return tuple(
        {**found, "y": np.where(shown[:, :, None], np.take_along_axis(found["y"], last, 0), 0)}
        for found in over_lengths(lowered, "keras", arrays, given | {"x": x}, lengths)
    )


@pytest.mark.parametrize("zeros", [False, True])
@pytest.mark.parametrize("spelling", ["gru:reset=after", "gru:reset=before"])
def test_a_masked_step_repeats_state_and_output(spelling, zeros):
    lowered, arrays, given = problem(spelling)
    theirs = run(lowered.cell, arrays, given, {}, mask=MASK, zero_output_for_mask=zeros)
    assert_close(theirs, *masked(lowered, arrays, given, MASK, zeros), "masked")


def test_a_layer_that_goes_backwards_leaves_its_outputs_in_the_order_of_its_steps():
    lowered, arrays, given = problem()
    theirs = run(lowered.cell, arrays, given, {}, go_backwards=True)
    turned = given | {"x": np.ascontiguousarray(given["x"][::-1])}
    ours = by_grusym(kernel_of(lowered.cell, "keras", "float32"), arrays, turned, {})
    assert_close(theirs, ours, tolerances(lowered, arrays, turned, {}, "float32"), "backwards")


@pytest.mark.parametrize(
    ("merge", "merged"), [("concat", lambda one, other: np.concatenate([one, other], 2)), ("sum", np.add)]
)
def test_bidirectional_puts_the_outputs_of_both_where_their_inputs_are(merge, merged):
    import keras

    lowered, forward, given = problem()
    _, backward, _ = problem(seed=1)
    made = keras.layers.Bidirectional(
        layer(lowered.cell, SIZES["I"], SIZES["H"], "float32", return_state=False), merge_mode=merge
    )
    made.build((None, None, SIZES["I"]))
    made.set_weights([*forward.values(), *backward.values()])
    theirs = keras.ops.convert_to_numpy(made(given["x"].swapaxes(0, 1))).swapaxes(0, 1)
    kernel = kernel_of(lowered.cell, "keras", "float32")
    ahead = {"x": given["x"], "h0": np.zeros_like(given["h0"])}
    back = ahead | {"x": np.ascontiguousarray(given["x"][::-1])}
    ys = by_grusym(kernel, forward, ahead, {})["y"], by_grusym(kernel, backward, back, {})["y"][::-1]
    reach = [tolerances(lowered, *one, {}, "float32")["y"] for one in ((forward, ahead), (backward, back))]
    want, rounded = merged(*ys), np.finfo(np.float32).eps  # of the sum
    bound = merged(reach[0], reach[1][::-1]) + rounded * np.abs(want)
    assert_close({"y": theirs}, {"y": want}, {"y": bound}, merge)
