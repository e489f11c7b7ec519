"""Zoneout against its formulas (Haste's, of Krueger et al. 2016), for some or all states of a cell."""

import numpy as np
import pytest

import grusym
from grusym.equations.library import BUILT_IN, cell
from grusym.equations.zoneout import zoneout, zoneout_values

SIZES = {"I": 3, "H": 4}
T, B = 5, 2


def arrays(found, seed=0):
    random = np.random.default_rng(seed)

    def some(tensor, *lead):
        return random.uniform(-1, 1, (*lead, *(SIZES[axis.name] for axis in tensor.axes)))

    x = {tensor.name: some(tensor, T, B) for tensor in found.inputs}
    h0 = {f"{state.name}0": some(state.tensor, B) for state in found.states}
    return x, h0, {tensor.name: some(tensor) for tensor in found.parameters}


def by_formula(plain, mode, zoned, x, h0, params):
    """A step of the cell without zoneout, then each state between what it was and what it became."""
    step, states, y = grusym.build(plain, "numpy", "float64"), dict(h0), []
    for t in range(T):
        tape = step.forward(x["x"][t : t + 1], states, params)
        for state in plain.states:
            old, new = states[f"{state.name}0"], tape.outputs[f"{state.name}_n"]
            if state.name in zoned and mode == "train":
                new = old + (new - old) * x[f"m_{state.name}"][t]
            elif state.name in zoned:
                p = x[f"p_{state.name}"][t][:, None]
                new = p * old + (1 - p) * new
            states[f"{state.name}0"] = new
        y.append(states[f"{plain.states[0].name}0"])
    return np.stack(y), states


@pytest.mark.parametrize("mode", ["train", "inference"])
@pytest.mark.parametrize(("name", "states"), [("gru", "h"), ("lstm", "hc"), ("lstm", "h"), ("lstm", "c"), ("rnn", "h")])
def test_it_is_what_the_formula_says(name, states, mode):
    found = zoneout(name, mode, tuple(states))
    x, h0, params = arrays(found)
    if mode == "train":
        x |= {key: np.where(array > 0, 1.0, 0.0) for key, array in x.items() if key != "x"}
    y, final = by_formula(cell(name), mode, states, x, h0, params)
    tape = grusym.build(found, "numpy", "float64").forward(x, h0, params)
    np.testing.assert_allclose(tape.y, y, rtol=1e-14, atol=1e-15)
    for key, array in final.items():
        np.testing.assert_allclose(tape.outputs[f"{key[:-1]}_n"], array, rtol=1e-14, atol=1e-15)


def test_inference_is_the_mean_of_training_over_one_step():
    """The expectation over all masks of H = 4 units, each zoned out with probability p, exactly summed."""
    train, test = (grusym.build(zoneout("gru", mode), "numpy", "float64") for mode in ("train", "inference"))
    x, h0, params = arrays(train.cell)
    p, first = 0.3, x["x"][:1]
    mean = np.zeros((B, SIZES["H"]))
    for bits in range(2 ** SIZES["H"]):
        kept = np.array([bits >> unit & 1 for unit in range(SIZES["H"])], float)
        weight = np.prod(np.where(kept, 1 - p, p))
        mask = np.broadcast_to(kept, (1, B, SIZES["H"])).copy()
        mean += weight * train.forward((first, mask), h0, params).h_n
    got = test.forward((first, np.full((1, B), p)), h0, params).h_n
    np.testing.assert_allclose(got, mean, rtol=1e-13)


def test_the_text_keeps_the_step_and_adds_the_blend():
    found = zoneout("lstm:biases=none", "inference", ("c",))
    assert str(found).splitlines()[-2:] == [
        "    h'[k] = o[k] tanh(c_new[k])",
        "    c'[k] = p_c c[k] + (1 - p_c) c_new[k]",
    ]
    assert found.spelling == "lstm:biases=none,zoneout=inference_c"


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_cell_has_it(name):
    for value in zoneout_values(cell(name)):
        found = cell(name, zoneout=value)
        assert found == cell(found.spelling)
        assert found.parameters == cell(name).parameters
