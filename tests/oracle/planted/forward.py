"""Layers with one mistake each, forward: written by hand, apart from the catalogue."""

import numpy as np

from tests.oracle.implementations import sigmoid
from tests.oracle.layer_implementations import full, split


def blocks(p, order="rzn", bias_order=None):
    """PyTorch's packed arrays by gate; another order of the blocks is a mistake."""
    hidden = p["weight_hh"].shape[1]
    found = {}
    for name, letter in (("weight_ih", "W"), ("weight_hh", "U"), ("bias_ih", "b"), ("bias_hh", "c")):
        for n, gate in enumerate((bias_order or order) if letter in "bc" else order):
            found[f"{letter}_{gate}"] = p[name][n * hidden : (n + 1) * hidden]
    return found


def step(x, h, q, sig=sigmoid, act=np.tanh, reset="after", update="keep", used=True, stale=None):
    """One step with q by gate; every keyword has the right value as its default."""
    zero = np.zeros(h.shape[1], h.dtype)
    b, c = ({gate: q.get(f"{letter}_{gate}", zero) for gate in "rzn"} for letter in "bc")
    r = sig(x @ q["W_r"].T + b["r"] + h @ q["U_r"].T + c["r"])
    z = sig(x @ q["W_z"].T + b["z"] + h @ q["U_z"].T + c["z"])
    gate = r if used else np.ones_like(r)
    recurrent = {
        "after": lambda: gate * (h @ q["U_n"].T + c["n"]),
        "before": lambda: (gate * h) @ q["U_n"].T + c["n"],
        "bias outside": lambda: gate * (h @ q["U_n"].T) + c["n"],
    }[reset]()
    n = act(x @ q["W_n"].T + b["n"] + recurrent)
    old = h if stale is None else stale
    return ((1 - z) * n + z * old) if update == "keep" else ((1 - z) * old + z * n)


def over_time(read, **wrong):
    """A layer of such steps; `read` makes the parameters by gate of what is passed."""

    def forward(x, h0, params):
        q, h, y = read(params), h0, []
        for x_t in x:
            h = step(x_t, h, q, **wrong).astype(h0.dtype)
            y.append(h)
        return np.stack(y), h

    return forward


def own(params):
    return params


def hard(slope):
    return lambda a: np.clip(a * a.dtype.type(slope) + a.dtype.type(0.5), 0, 1)


def rational(a):
    return np.clip(a * (27 + a * a) / (27 + 9 * a * a), -1, 1)


def fast(a):
    """tanh by an exponential of a few terms."""
    e = (1 + 2 * np.clip(a, -9, 9) / a.dtype.type(256)) ** 256
    return (e - 1) / (e + 1)


def changed(**factors):
    """Arrays scaled: bias_hh=0 leaves it out."""
    return lambda p: blocks({name: array * array.dtype.type(factors.get(name, 1)) for name, array in p.items()})


def without_candidate_bias(p):
    q = blocks(p)
    return q | {"c_n": 0 * q["c_n"]}


def without_start(every_bias):
    """As MLX's: without a state, the first step leaves the recurrent part out, and its biases with it."""

    def forward(x, h0=None, params=None):
        if h0 is not None:
            return over_time(blocks)(x, h0, params)
        q = blocks(params)
        first = {name: 0 * a if name == "c_n" or (every_bias and name[0] == "c") else a for name, a in q.items()}
        h, y = np.zeros((x.shape[1], len(q["b_n"])), x.dtype), []
        for t, x_t in enumerate(x):
            h = step(x_t, h, q if t else first)
            y.append(h)
        return np.stack(y), h

    return forward


def transposed(letter):
    def read(p):
        return {name: array.T if name.startswith(letter) else array for name, array in blocks(p).items()}

    return read


def reshaped(name):
    def read(p):
        array = p[name]
        return blocks(p | {name: np.ascontiguousarray(array.reshape(array.shape[::-1]).T)})

    return read


def bfloat16(array):
    bits = np.asarray(array, np.float32).view(np.uint32)
    return (bits & np.uint32(0xFFFF0000)).view(np.float32).astype(array.dtype)


def float16(array):
    return array.astype(np.float16).astype(array.dtype)


def narrowed(keep):
    return lambda p: blocks({name: keep(array) for name, array in p.items()})


def blend_stale(frozen):
    def forward(x, h0, params):
        q, h, old, y = blocks(params), h0, h0, []
        for x_t in x:
            new = step(x_t, h, q, stale=old)
            old, h = (old if frozen else h), new
            y.append(h)
        return np.stack(y), h

    return forward


def wired(kind):
    """The mistakes in time and batch of a layer of one direction."""

    def forward(x, h0, params):
        q, y = blocks(params), []
        h = np.zeros_like(h0) if kind == "start ignored" else h0
        for t, x_t in enumerate(x[::-1] if kind.startswith("reversed") else x):
            if kind == "restart":
                h = h0
            elif kind == "zero" and t:
                h = np.zeros_like(h0)
            elif kind == "last sample" and t:
                h = np.repeat(h[-1:], len(h), axis=0)
            h = step(x_t, h, q)
            y.append(h)
        return np.stack(y[::-1] if kind == "reversed and back" else y), h

    return forward


def one_after_the_other(x, h0, params):
    """Samples in a loop, with a state that is not set again for each."""
    q, y, finals = blocks(params), np.zeros((*x.shape[:2], h0.shape[1]), x.dtype), []
    h = h0[:1]
    for b in range(x.shape[1]):
        for t in range(len(x)):
            h = step(x[t, b : b + 1], h, q)
            y[t, b] = h[0]
        finals.append(h[0])
    return y, np.stack(finals)


def batch_first_memory(x, h0, params):
    """Takes the memory of x for (B, T, I), and writes y that way."""
    steps, batch, inputs = x.shape
    y, h_n = over_time(blocks)(np.ascontiguousarray(x.reshape(batch, steps, inputs).swapaxes(0, 1)), h0, params)
    return np.ascontiguousarray(y.swapaxes(0, 1)).reshape(steps, batch, -1), h_n


def batch_first_axes(x, h0, params):
    """Runs along the second axis: an error where T is not B."""
    y, h_n = over_time(blocks)(x.swapaxes(0, 1), h0, params)
    return np.ascontiguousarray(y.swapaxes(0, 1)), h_n


def turned_batch(x, h0, params):
    y, h_n = over_time(blocks)(x, h0, params)
    return y[:, ::-1].copy(), h_n[::-1].copy()


def sorted_batch(x, h0, params, lengths=None):
    """Sorted by length, and not put back."""
    y, h_n = layered()(x, h0, params, lengths)
    order = np.argsort(-full(x, lengths), kind="stable")
    return y[:, order], h_n[order]


class Leftover:
    """A state in a buffer of the layer that no call sets."""

    def __init__(self):
        self.state = {}

    def __call__(self, x, h0, params):
        y, h_n = over_time(blocks)(x, self.state.get(h0.shape, np.zeros_like(h0)), params)
        self.state[h0.shape] = h_n
        return y, h_n


class Garbage:
    """A state that is whatever memory holds."""

    def __init__(self):
        self.random = np.random.default_rng(1)

    def __call__(self, x, h0, params):
        return over_time(blocks)(x, self.random.normal(size=h0.shape).astype(h0.dtype), params)


def one_way(x, h0, params, lengths, backwards, kind=""):
    """A direction with lengths and its mistakes: y and h_n."""
    steps, batch = x.shape[:2]
    ends, q, lanes = full(x, lengths), blocks(params), np.arange(batch)
    if kind == "ignored":
        ends = np.full(batch, steps)
    if kind == "at least one":
        ends = np.maximum(ends, 1)
    run_to = np.full(batch, steps) if kind == "from padding" and backwards else ends
    y, h, seen = np.zeros((steps, batch, h0.shape[1]), x.dtype), h0.copy(), [h0]
    goes_on = kind == "final past end"
    for k in range(steps):
        rows = np.where(k < run_to, run_to - 1 - k, k) if backwards else np.full(batch, k)
        inside = (k < run_to)[:, None]
        h = np.where(inside | goes_on, step(x[rows, lanes], h, q), h)
        seen.append(h)
        place = np.full(batch, k) if kind == "not flipped" and backwards else rows
        shown = inside & (place < ends)[:, None]
        y[place, lanes] = np.where(shown | (kind == "not zero"), h, 0)
    if kind == "empty is zero":
        h = np.where((ends == 0)[:, None], 0, h)
    if kind == "final from last" and backwards:
        h = np.where((ends > 0)[:, None], seen[min(1, steps)], h0)
    return y, h


def layered(kind=""):
    """A layer with lengths and directions."""

    def forward(x, h0, params, lengths=None, bidirectional=False):
        if not bidirectional:
            return one_way(x, h0, params, lengths, False, kind)
        parts = split(params)
        parts = (parts[0], parts[0]) if kind == "shared" else parts
        ways = [one_way(x, h0[d], p, lengths, d == 1, kind) for d, p in enumerate(parts)]
        ys, finals = [y for y, _ in ways], [h for _, h in ways]
        y, h_n = np.concatenate(ys, axis=2), np.stack(finals)
        if kind == "interleaved":
            y = np.stack(ys, axis=3).reshape(y.shape)
        if kind == "directions after batch":
            h_n = np.stack(finals, axis=1).reshape(h_n.shape)
        return y, h_n

    return forward


def refuses_empty(x, h0, params, lengths=None):
    if lengths is not None and (lengths == 0).any():
        raise ValueError("Length of all samples has to be greater than 0")
    return layered()(x, h0, params, lengths)


def scanned(kind):
    """mingru as a scan, with a mistake about h0."""

    def forward(x, h0, params):
        h, y = h0, []
        if kind == "transformed":
            h = np.where(h0 >= 0, h0 + h0.dtype.type(0.5), sigmoid(h0))
        for t, x_t in enumerate(x):
            z = sigmoid(x_t @ params["W_z"].T + params["b_z"])
            n = x_t @ params["W_n"].T + params["b_n"]
            h = (h if kind == "undecayed" and not t else (1 - z) * h) + z * n
            y.append(h)
        return np.stack(y), h

    return forward


ZONEOUT = """zoneout(x[j], m[i], h[k]) -> h'[i]    axes  j: I   i, k: H
    z[i]  = sigmoid(W_z[i,j] x[j] + U_z[i,k] h[k] + b_z[i])
    n[i]  = tanh(W_n[i,j] x[j] + U_n[i,k] h[k] + b_n[i])
    h'[i] = h[i] + m[i] ((1 - z[i]) n[i] + z[i] h[i] - h[i])
"""


def zoneout_steps(x, m, h, q, first=False):
    saved = []
    for t in range(len(x)):
        z = sigmoid(x[t] @ q["W_z"].T + h @ q["U_z"].T + q["b_z"])
        n = np.tanh(x[t] @ q["W_n"].T + h @ q["U_n"].T + q["b_n"])
        new = h + m[0 if first else t] * ((1 - z) * n + z * h - h)
        saved.append((h, z, n, new))
        h = new
    return saved


def zoneout(first):
    def forward(xs, h0, q):
        y = np.stack([new for _, _, _, new in zoneout_steps(*xs, h0, q, first)])
        return y, y[-1].copy()

    return forward


def zoneout_vjp(xs, h0, q, dy, dh_n):
    """Its gradients with the mask of the first step throughout."""
    x, m = xs
    grads = {name: np.zeros_like(array) for name, array in q.items()}
    dx, dm, dh, saved = np.zeros_like(x), np.zeros_like(m), dh_n, zoneout_steps(x, m, h0, q)
    for t in reversed(range(len(x))):
        h, z, n, _ = saved[t]
        g = dh + dy[t]
        dm[t] = g * ((1 - z) * n + z * h - h)
        g_new = g * m[0]
        da = {"z": g_new * (h - n) * z * (1 - z), "n": g_new * (1 - z) * (1 - n * n)}
        dh = g * (1 - m[0]) + g_new * z
        for gate, a in da.items():
            grads[f"W_{gate}"] += a.T @ x[t]
            grads[f"U_{gate}"] += a.T @ h
            grads[f"b_{gate}"] += a.sum(0)
            dx[t] += a @ q[f"W_{gate}"]
            dh = dh + a @ q[f"U_{gate}"]
    return {"x": dx, "m": dm, "h0": dh, **grads}
