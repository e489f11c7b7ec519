"""A GRU layer as someone would write it in NumPy: lengths, both directions, frozen parameters, and its gradients."""

import numpy as np

from tests.oracle.implementations import sigmoid


def one_way(x, h0, params, lengths, backwards):
    """One direction: y, h_n and what the backward pass needs."""
    steps, batch, _ = x.shape
    hidden = h0.shape[1]
    y, h, tape = np.zeros((steps, batch, hidden), x.dtype), h0.copy(), []
    order = np.tile(np.arange(steps)[:, None], (1, batch))
    if backwards:
        order = np.where(order < lengths, lengths - 1 - order, order)
    lanes = np.arange(batch)
    for k in range(steps):
        inside = (k < lengths)[:, None]
        x_t = x[order[k], lanes]
        a, b = x_t @ params["weight_ih"].T + params["bias_ih"], h @ params["weight_hh"].T + params["bias_hh"]
        r = sigmoid(a[:, :hidden] + b[:, :hidden])
        z = sigmoid(a[:, hidden : 2 * hidden] + b[:, hidden : 2 * hidden])
        n = np.tanh(a[:, 2 * hidden :] + r * b[:, 2 * hidden :])
        new = (1 - z) * n + z * h
        tape.append((x_t, h, r, z, n, b[:, 2 * hidden :], inside, order[k]))
        h = np.where(inside, new, h)
        y[order[k], lanes] = np.where(inside, new, 0)
    return y, h, tape


def one_way_vjp(tape, params, dy, dh, shape):
    grads = {name: np.zeros_like(array) for name, array in params.items()}
    dx, lanes = np.zeros(shape, dh.dtype), np.arange(dh.shape[0])
    for x_t, h, r, z, n, u, inside, rows in reversed(tape):
        g = np.where(inside, dh + dy[rows, lanes], 0)
        dn = g * (1 - z) * (1 - n * n)
        dz, dr = g * (h - n) * z * (1 - z), dn * u * r * (1 - r)
        da, db = np.concatenate([dr, dz, dn], axis=1), np.concatenate([dr, dz, dn * r], axis=1)
        grads["weight_ih"] += da.T @ x_t
        grads["weight_hh"] += db.T @ h
        grads["bias_ih"] += da.sum(axis=0)
        grads["bias_hh"] += db.sum(axis=0)
        dx[rows, lanes] += da @ params["weight_ih"]
        dh = np.where(inside, g * z + db @ params["weight_hh"], dh)
    return dx, dh, grads


def split(params):
    own = {name: array for name, array in params.items() if not name.endswith("_reverse")}
    return own, {name.removesuffix("_reverse"): a for name, a in params.items() if name.endswith("_reverse")}


def full(x, lengths):
    return np.full(x.shape[1], x.shape[0]) if lengths is None else lengths


def layer(x, h0, params, lengths=None, bidirectional=False):
    lengths = full(x, lengths)
    if not bidirectional:
        return one_way(x, h0, params, lengths, False)[:2]
    ways = [one_way(x, h0[d], p, lengths, d == 1)[:2] for d, p in enumerate(split(params))]
    return np.concatenate([y for y, _ in ways], axis=2), np.stack([h for _, h in ways])


def layer_vjp(x, h0, params, dy, dh_n, lengths=None, bidirectional=False, wanted=None):
    lengths = full(x, lengths)
    if not bidirectional:
        tape = one_way(x, h0, params, lengths, False)[2]
        dx, dh, grads = one_way_vjp(tape, params, dy, dh_n, x.shape)
        return {"x": dx, "h0": dh} if wanted else {"x": dx, "h0": dh, **grads}
    total, finals, found = np.zeros_like(x), [], {}
    for d, own in enumerate(split(params)):
        tape = one_way(x, h0[d], own, lengths, d == 1)[2]
        half = dy[:, :, d * h0.shape[2] : (d + 1) * h0.shape[2]]
        dx, dh, grads = one_way_vjp(tape, own, half, dh_n[d], x.shape)
        total += dx
        finals.append(dh)
        found |= {name + "_reverse" * d: array for name, array in grads.items()}
    return {"x": total, "h0": np.stack(finals), **found}
