"""Torch modules as people write them, right ones and wrong ones."""

import torch


class Layer(torch.nn.Module):
    """PyTorch's GRU written out, with h0 (B,H)."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        for name, shape in (("ih", (3 * hidden_size, input_size)), ("hh", (3 * hidden_size, hidden_size))):
            setattr(self, f"weight_{name}", torch.nn.Parameter(torch.randn(shape)))
            setattr(self, f"bias_{name}", torch.nn.Parameter(torch.randn(shape[0])))

    def step(self, x, h):
        a_r, a_z, a_n = (x @ self.weight_ih.T + self.bias_ih).chunk(3, dim=-1)
        u_r, u_z, u_n = (h @ self.weight_hh.T + self.bias_hh).chunk(3, dim=-1)
        r, z = torch.sigmoid(a_r + u_r), torch.sigmoid(a_z + u_z)
        return (1 - z) * torch.tanh(a_n + r * u_n) + z * h

    def forward(self, x, h0):
        steps = []
        for x_t in x:
            h0 = self.step(x_t, h0)
            steps.append(h0)
        return torch.stack(steps), h0


class OnlySeries(Layer):
    def forward(self, x, h0):
        return super().forward(x, h0)[0]


class Wrapped(torch.nn.Module):
    """Around torch's own, by other names for the sizes."""

    def __init__(self, width, units):
        super().__init__()
        self.rnn = torch.nn.GRU(width, units)

    def forward(self, x, h0):
        return self.rnn(x, h0)


class MineCell(Layer):
    def forward(self, x, h):
        return self.step(x, h)


class Detached(Layer):
    """Truncated backpropagation."""

    def step(self, x, h):
        return super().step(x, h.detach())


class Extra(Layer):
    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.gain = torch.nn.Parameter(torch.ones(hidden_size))


class NoBias(torch.nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.gru = torch.nn.GRU(input_size, hidden_size, bias=False)


class Picky(Layer):
    def __init__(self, input_size, hidden_size):
        raise ValueError("only multiples of 8")


class Raising(Layer):
    def forward(self, x, h0):
        raise RuntimeError("no kernel for this device")


class TooMany(Layer):
    def forward(self, x, h0):
        y, h = super().forward(x, h0)
        return y, (h, h)


class Unequal(Layer):
    """The candidate's recurrent bias outside of r * ()."""

    def step(self, x, h):
        hidden = h.shape[-1]
        bias = self.bias_hh.detach()
        outside = torch.cat([torch.zeros(2 * hidden, dtype=bias.dtype), bias[2 * hidden :]])
        a_r, a_z, a_n = (x @ self.weight_ih.T + self.bias_ih + outside).chunk(3, dim=-1)
        u_r, u_z, u_n = (h @ self.weight_hh.T + self.bias_hh - outside).chunk(3, dim=-1)
        r, z = torch.sigmoid(a_r + u_r), torch.sigmoid(a_z + u_z)
        return (1 - z) * torch.tanh(a_n + r * u_n) + z * h


INSTANCE = torch.nn.GRU(2, 3)
BATCH_FIRST = torch.nn.GRU(2, 3, batch_first=True)
LSTM = torch.nn.LSTM(2, 3, dtype=torch.float64)
DEEP = torch.nn.GRU(2, 3, num_layers=2)


class Reordered(torch.nn.Module):
    """Parameters of its own names and order: rows z, r, n."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.b_hh = torch.nn.Parameter(torch.zeros(3 * hidden_size))
        self.b_ih = torch.nn.Parameter(torch.zeros(3 * hidden_size))
        self.W_hh = torch.nn.Parameter(torch.zeros(3 * hidden_size, hidden_size))
        self.W_ih = torch.nn.Parameter(torch.zeros(3 * hidden_size, input_size))

    def forward(self, x, h0):
        steps = []
        for x_t in x:
            a_z, a_r, a_n = (x_t @ self.W_ih.T + self.b_ih).chunk(3, dim=-1)
            u_z, u_r, u_n = (h0 @ self.W_hh.T + self.b_hh).chunk(3, dim=-1)
            r, z = torch.sigmoid(a_r + u_r), torch.sigmoid(a_z + u_z)
            h0 = (1 - z) * torch.tanh(a_n + r * u_n) + z * h0
            steps.append(h0)
        return torch.stack(steps), h0


class ByGates(torch.nn.Module):
    """A linear layer for every gate and side."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        for gate in ("update", "candidate", "forget"):
            setattr(self, f"{gate}_in", torch.nn.Linear(input_size, hidden_size))
            setattr(self, f"{gate}_state", torch.nn.Linear(hidden_size, hidden_size))

    def forward(self, x, h0):
        steps = []
        for x_t in x:
            r = torch.sigmoid(self.forget_in(x_t) + self.forget_state(h0))
            z = torch.sigmoid(self.update_in(x_t) + self.update_state(h0))
            h0 = (1 - z) * torch.tanh(self.candidate_in(x_t) + r * self.candidate_state(h0)) + z * h0
            steps.append(h0)
        return torch.stack(steps), h0


class LikeKeras(torch.nn.Module):
    def __init__(self, width, units):
        super().__init__()
        self.kernel = torch.nn.Parameter(torch.zeros(width, 3 * units))
        self.recurrent_kernel = torch.nn.Parameter(torch.zeros(units, 3 * units))
        self.bias = torch.nn.Parameter(torch.zeros(2, 3 * units))

    def forward(self, x, h0):
        steps = []
        for x_t in x:
            a_z, a_r, a_n = (x_t @ self.kernel + self.bias[0]).chunk(3, dim=-1)
            u_z, u_r, u_n = (h0 @ self.recurrent_kernel + self.bias[1]).chunk(3, dim=-1)
            r, z = torch.sigmoid(a_r + u_r), torch.sigmoid(a_z + u_z)
            h0 = (1 - z) * torch.tanh(a_n + r * u_n) + z * h0
            steps.append(h0)
        return torch.stack(steps), h0


REORDERED = Reordered(4, 4)
