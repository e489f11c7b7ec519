"""A GRU as someone would write it in NumPy, forward and backward, with places where it can be made wrong."""

import numpy as np


def sigmoid(a):
    e = np.exp(-np.abs(a))
    return np.where(a >= 0, 1, e) / (1 + e)


def gru(x, h0, params):
    """PyTorch's GRU: y, h_n."""
    y, _ = run(x, h0, params)
    return y, y[-1].copy()


def run(x, h0, params):
    weight_ih, weight_hh = params["weight_ih"], params["weight_hh"]
    hidden, h, steps = h0.shape[1], h0, []
    for x_t in x:
        a = x_t @ weight_ih.T + params["bias_ih"]
        b = h @ weight_hh.T + params["bias_hh"]
        r = sigmoid(a[:, :hidden] + b[:, :hidden])
        z = sigmoid(a[:, hidden : 2 * hidden] + b[:, hidden : 2 * hidden])
        u = b[:, 2 * hidden :]
        n = np.tanh(a[:, 2 * hidden :] + r * u)
        steps.append((h, r, z, n, u))
        h = (1 - z) * n + z * h
    y = np.stack([*[step[0] for step in steps[1:]], h])
    return y, steps


def gru_vjp(x, h0, params, dy, dh_n):
    """Its gradients, by hand."""
    _, steps = run(x, h0, params)
    grads = {name: np.zeros_like(array) for name, array in params.items()}
    dx, dh = np.zeros_like(x), dh_n.copy()
    for t in reversed(range(len(x))):
        h, r, z, n, u = steps[t]
        g = dh + dy[t]
        dn = g * (1 - z) * (1 - n * n)
        dz = g * (h - n) * z * (1 - z)
        dr = dn * u * r * (1 - r)
        da, db = np.concatenate([dr, dz, dn], axis=1), np.concatenate([dr, dz, dn * r], axis=1)
        grads["weight_ih"] += da.T @ x[t]
        grads["weight_hh"] += db.T @ h
        grads["bias_ih"] += da.sum(axis=0)
        grads["bias_hh"] += db.sum(axis=0)
        dx[t] = da @ params["weight_ih"]
        dh = g * z + db @ params["weight_hh"]
    return {"x": dx, "h0": dh, **grads}
