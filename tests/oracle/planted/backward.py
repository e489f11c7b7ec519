"""Gradients of a GRU with one mistake each: written by hand, apart from the catalogue."""

from math import prod

import numpy as np

from tests.oracle.implementations import gru, run, sigmoid

SLOPES_OF_TANH = {
    "tanh squared": lambda n: (1 - n) ** 2,
    "tanh plain": lambda n: 1 - n,
    "tanh twice": lambda n: 1 - np.tanh(n) ** 2,
}
SLOPES_OF_SIGMOID = {
    "sigmoid squared": lambda s: (1 - s) ** 2,
    "sigmoid twice": lambda s: sigmoid(s) * (1 - sigmoid(s)),
    "sigmoid as tanh": lambda s: 1 - s * s,
}


def chosen(choices, kinds, otherwise):
    return next((choices[kind] for kind in kinds if kind in choices), otherwise)


def vjp(*kinds):
    """PyTorch's GRU backwards, with a mistake, or more at once."""
    tanh_slope = chosen(SLOPES_OF_TANH, kinds, lambda n: 1 - n * n)
    sigmoid_slope = chosen(SLOPES_OF_SIGMOID, kinds, lambda s: s * (1 - s))

    def backward(x, h0, params, dy, dh_n):
        y, steps = run(x, h0, params)
        W, U = params["weight_ih"], params["weight_hh"]
        hidden, count, batch = h0.shape[1], len(x), x.shape[1]
        parts_of_U = [U[k * hidden : (k + 1) * hidden] for k in range(3)]
        grads = {name: np.zeros_like(array) for name, array in params.items()}
        dx, dh = np.zeros_like(x), np.zeros_like(dh_n) if "final ignored" in kinds else dh_n
        for t in reversed(range(count)):
            h, r, z, n, u = steps[-1 if "stale" in kinds else t]
            if "raw reset" in kinds:
                r = x[t] @ W[:hidden].T + h @ U[:hidden].T + (params["bias_ih"] + params["bias_hh"])[:hidden]
            if "carry" in kinds and t + 1 < count:
                dh = np.zeros_like(dh)
            g = dh + dy[t]
            dn, dz = g * (1 - z) * tanh_slope(n), g * (h - n) * sigmoid_slope(z)
            dr = dn * u * sigmoid_slope(r) * ("reset path" not in kinds)
            du = dn * (1 if "candidate reset" in kinds else r)
            da, db = np.concatenate([dr, dz, dn], axis=1), np.concatenate([dr, dz, du], axis=1)
            rows = chosen({"first sample": slice(0, 1), "last sample": slice(batch - 1, batch)}, kinds, slice(None))
            read = x[0] if "other input" in kinds else x[t]
            state = y[t] if "shifted" in kinds else h
            weight = prod(w for kind, w in {"time last": t == count - 1, "mean": 1 / batch}.items() if kind in kinds)
            own = {
                "weight_ih": da[rows].T @ read[rows],
                "weight_hh": db[rows].T @ state[rows],
                "bias_ih": da[rows].sum(axis=0),
                "bias_hh": db[rows].sum(axis=0),
            }
            if "candidate reset to the weights" in kinds:
                own["weight_hh"] = da[rows].T @ state[rows]
            if "candidate reset to the bias" in kinds:
                own["bias_hh"] = own["bias_ih"]
            for name, part in own.items():
                grads[name] = part if "overwrites" in kinds else grads[name] + part * part.dtype.type(weight)
            dx[t] = da @ W
            back = db @ U
            if "candidate reset to the state" in kinds:
                back = da @ U
            if "reset path to the state" in kinds:
                back = np.concatenate([0 * dr, dz, du], axis=1) @ U
            if "own column" in kinds:
                back = sum(d * part.sum(axis=0) for d, part in zip((dr, dz, du), parts_of_U, strict=True))
            dh = g * ((1 - z) if "direct" in kinds else z) + back
        return {"x": dx, "h0": dh, **grads}

    return backward


class Accumulating:
    """Gradients of parameters in buffers that are never set to zero."""

    def __init__(self):
        self.held = {}

    def __call__(self, x, h0, params, dy, dh_n):
        found = vjp()(x, h0, params, dy, dh_n)
        for name in params:
            key = name, params[name].shape
            self.held[key] = self.held.get(key, 0) + found[name]
            found[name] = self.held[key].copy()
        return found


def cut_when_frozen(x, h0, params, dy, dh_n, wanted=None):
    """Without gradients of parameters, the loop over time is left after one step."""
    if wanted is None:
        return vjp()(x, h0, params, dy, dh_n)
    last = len(x) - 1
    before = gru(x[:last], h0, params)[1] if last else h0
    one = vjp()(x[last:], before, params, dy[last:], dh_n)
    return {"x": np.concatenate([np.zeros_like(x[:last]), one["x"]]), "h0": one["h0"]}
