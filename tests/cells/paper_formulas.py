"""One step of each cell in plain NumPy, straight from the formulas of the paper or the code it comes from.

Arrays are (B, ...); parameters go by their names in our equations, and nothing else is shared with them. All of it
takes complex numbers, for gradients by the complex step: a kink is decided by the real part.
"""

import numpy as np


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def relu(a):
    return np.where(a.real > 0, a, 0)


def layer_norm(a, gain, axes=(-1,), bias=0.0, epsilon=1e-5):
    centred = a - a.mean(axis=axes, keepdims=True)
    return gain * centred / np.sqrt((centred * centred).mean(axis=axes, keepdims=True) + epsilon) + bias


def lstm(p, x, h, c, forget="0"):
    """Gers et al. 2002 with peepholes, Sak et al. 2014 with a projection, where those parameters are given.

    The constant of the forget gate is that of haiku.LSTM.
    """

    def gate(g, cell):
        a = x @ p[f"W_{g}"].T + h @ p[f"U_{g}"].T + p.get(f"b_{g}", 0) + p.get(f"c_{g}", 0)
        return a + p[f"p_{g}"] * cell if f"p_{g}" in p else a

    new = sigmoid(gate("f", c) + float(forget)) * c + sigmoid(gate("i", c)) * np.tanh(gate("g", c))
    m = sigmoid(gate("o", new)) * np.tanh(new)
    return (m @ p["V"].T if "V" in p else m), new


def mgu(p, x, h, reset="before", update="write"):
    """Zhou et al. 2016, equations 8 to 10; Flax's MGUCell for the other values."""
    f = sigmoid(x @ p["W_f"].T + h @ p["U_f"].T + p.get("b_f", 0) + p.get("c_f", 0))
    ahead, back = x @ p["W_n"].T + p.get("b_n", 0), p.get("c_n", 0)
    n = np.tanh(ahead + ((f * h) @ p["U_n"].T + back if reset == "before" else f * (h @ p["U_n"].T + back)))
    return ((1 - f) * h + f * n if update == "write" else (1 - f) * n + f * h,)


def mingru(p, x, h, candidate="linear"):
    """Feng et al. 2024, sections 3.1 and, for g, appendix B."""
    z = sigmoid(x @ p["W_z"].T + p.get("b_z", 0))
    n = x @ p["W_n"].T + p.get("b_n", 0)
    if candidate == "positive":
        n = np.where(n.real >= 0, n + 0.5, sigmoid(n))
    return ((1 - z) * h + z * n,)


def ligru(p, x, h):
    """Ravanelli et al. 2018, equations 8 to 10, the batch normalisation folded."""
    z = sigmoid(x @ p["W_z"].T + h @ p["U_z"].T + p.get("b_z", 0))
    return (z * h + (1 - z) * relu(x @ p["W_n"].T + h @ p["U_n"].T + p.get("b_n", 0)),)


def augru(p, x, a, h, reset="after", update="keep"):
    """oneDNN's vanilla and linear-before-reset AUGRU for keep; Zhou et al. 2019, equations 2 to 6, for write."""
    r = sigmoid(x @ p["W_r"].T + h @ p["U_r"].T + p.get("b_r", 0) + p.get("c_r", 0))
    u = sigmoid(x @ p["W_z"].T + h @ p["U_z"].T + p.get("b_z", 0) + p.get("c_z", 0))
    ahead, back = x @ p["W_n"].T + p.get("b_n", 0), p.get("c_n", 0)
    o = np.tanh(ahead + (r * (h @ p["U_n"].T + back) if reset == "after" else (r * h) @ p["U_n"].T + back))
    if update == "keep":
        u = (1 - a[:, None]) * u
        return (u * h + (1 - u) * o,)
    u = a[:, None] * u
    return ((1 - u) * h + u * o,)


def gru_d(p, x, m, delta, x_last, h):
    """Che et al. 2018, equations 10 to 15."""
    gamma_x = np.exp(-relu(p["w_x"] * delta + p["b_x"]))
    gamma_h = np.exp(-relu(delta @ p["W_gamma"].T + p["b_gamma"]))
    x = m * x + (1 - m) * (gamma_x * x_last + (1 - gamma_x) * p["xbar"])
    h = gamma_h * h
    r = sigmoid(x @ p["W_r"].T + h @ p["U_r"].T + m @ p["V_r"].T + p["b_r"])
    z = sigmoid(x @ p["W_z"].T + h @ p["U_z"].T + m @ p["V_z"].T + p["b_z"])
    n = np.tanh(x @ p["W_n"].T + (r * h) @ p["U_n"].T + m @ p["V_n"].T + p["b_n"])
    return ((1 - z) * h + z * n,)


def fastgrnn(p, x, h):
    """Kusupati et al. 2018, section 3.2."""
    both = x @ p["W"].T + h @ p["U"].T
    z, n = sigmoid(both + p["b_z"]), np.tanh(both + p["b_n"])
    return ((sigmoid(p["zeta"]) * (1 - z) + sigmoid(p["nu"])) * n + z * h,)


def lngru(p, x, h, norm="gate", update="keep"):
    """Ba et al. 2016, equations 27 to 29, with biases after the norm; over all gates as in Haste's layer_norm_gru."""

    def normed(operand, weights, gain):
        products = [operand @ p[f"{weights}_{g}"].T for g in "rzn"]
        gains = [p[f"{gain}_{g}"] for g in "rzn"]
        if norm == "gate":
            return [layer_norm(a, g) for a, g in zip(products, gains, strict=True)]
        return np.split(layer_norm(np.concatenate(products, -1), np.concatenate(gains)), 3, axis=-1)

    (xr, xz, xn), (hr, hz, hn) = normed(x, "W", "g"), normed(h, "U", "k")
    r = sigmoid(xr + hr + p.get("b_r", 0) + p.get("c_r", 0))
    z = sigmoid(xz + hz + p.get("b_z", 0) + p.get("c_z", 0))
    n = np.tanh(xn + p.get("b_n", 0) + r * (hn + p.get("c_n", 0)))
    return (z * h + (1 - z) * n if update == "keep" else (1 - z) * h + z * n,)


def conv(a, kernel):
    """A convolution as networks have it: (B, D, P, Q) by (C, D, K, L), zeros around, as many positions as before."""
    k, l = kernel.shape[2:]
    ahead = ((k - 1) // 2, (l - 1) // 2)
    padded = np.pad(a, ((0, 0), (0, 0), (ahead[0], k - 1 - ahead[0]), (ahead[1], l - 1 - ahead[1])))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (k, l), axis=(2, 3))
    return np.einsum("bdpquv,cduv->bcpq", windows, kernel, optimize=True)


def channels(bias):
    return bias[:, None, None] if np.ndim(bias) else bias


def convgru(p, x, h, reset="before", update="write"):
    """Ballas et al. 2015, equations 4 to 7; MXNet's ConvGRUCell for the other values."""

    def gate(g):
        return conv(x, p[f"W_{g}"]) + channels(p.get(f"b_{g}", 0))

    def back(g, state):
        return conv(state, p[f"U_{g}"]) + channels(p.get(f"c_{g}", 0))

    r, z = sigmoid(gate("r") + back("r", h)), sigmoid(gate("z") + back("z", h))
    n = np.tanh(gate("n") + (back("n", r * h) if reset == "before" else r * back("n", h)))
    return ((1 - z) * h + z * n if update == "write" else z * h + (1 - z) * n,)


def sepconvgru(p, x, h):
    """RAFT, core/update.py, SepConvGRU: kernels of 1 by K over [h, x], then of K by 1."""
    for number, lift in (("1", np.s_[:, :, None, :]), ("2", np.s_[:, :, :, None])):

        def gate(g, state, number=number, lift=lift):
            kernel = np.concatenate((p[f"U_{g}{number}"], p[f"W_{g}{number}"]), axis=1)[lift]
            return conv(np.concatenate((state, x), axis=1), kernel) + channels(p.get(f"b_{g}{number}", 0))

        z, r = sigmoid(gate("z", h)), sigmoid(gate("r", h))
        h = (1 - z) * h + z * np.tanh(gate("n", r * h))
    return (h,)


def coordconvgru(p, x, h, norm="layer", update="keep"):
    """hourglass_CoordConvGRU, convGRU_cell.py and coordConv.py, with tf.contrib.layers.layer_norm: update=keep."""
    batch, _, height, width = x.shape
    xx = np.tile(np.linspace(-1, 1, width), (batch, 1, height, 1))
    yy = np.tile(np.linspace(-1, 1, height)[:, None], (batch, 1, 1, width))

    def activation(function, g, state):
        kernel = (p[f"W_{g}"], p[f"U_{g}"], p[f"V_x_{g}"][:, None], p[f"V_y_{g}"][:, None])
        a = conv(np.concatenate((x, state, xx, yy), axis=1), np.concatenate(kernel, axis=1))
        a = a + channels(p.get(f"b_{g}", 0))
        if norm == "none":
            return function(a)
        gain, shift = channels(p[f"g_{g}"]), channels(p[f"beta_{g}"])
        return function(layer_norm(a, gain, (1, 2, 3), shift, 1e-12))

    r, u = activation(sigmoid, "r", h), activation(sigmoid, "z", h)
    n = activation(np.tanh, "n", r * h)
    return (u * h + (1 - u) * n if update == "keep" else (1 - u) * h + u * n,)
