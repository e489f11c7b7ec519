"""How the frameworks on JAX pack recurrent cells: Flax linen, Flax nnx, Haiku."""

from grusym.conventions.blocks import Packed, columns, separate, vector
from grusym.conventions.record import Activations, Convention, Form

LSTM = {"biases": ("one",), "peephole": ("no",), "projection": ("no",)}
FLAX_WEIGHTS = {"W": "W_i{}", "U": "W_h{}", "b": "b_i{}", "c": "b_h{}", "lstm:b": "b_h{}"}


def _flax_lstm(inputs: str, hidden: str, member: str) -> Form:
    """LSTMCell: the names of its layers, i f g o each, and what stands before what they hold."""

    def arrays(layers: str, held: str) -> str:
        return " ".join(f"{layer}{member}{held}" for layer in layers.split())

    return Form(
        {**LSTM, "forget": ("0",)},
        (
            *separate("W", "ifgo", arrays(inputs, "kernel"), "j i"),
            *separate("U", "ifgo", arrays(hidden, "kernel"), "j i"),
            *separate("b", "ifgo", arrays(hidden, "bias")),
        ),
    )


def _flax_rnn(inputs: str, hidden: str, member: str) -> Form:
    """SimpleCell, likewise."""
    return Form(
        {"biases": ("one",)},
        (
            Packed(f"{inputs}{member}kernel", ("W",), "j i"),
            Packed(f"{hidden}{member}kernel", ("U",), "j i"),
            Packed(f"{inputs}{member}bias", ("b",)),
        ),
    )


FLAX_LINEN = Convention(
    name="flax_linen",
    source="Flax, flax/linen/recurrent.py",
    activations=Activations(("sigmoid", "any"), ("tanh", "any")),
    forms={
        "gru": (
            Form(
                {"reset": ("after",), "update": ("keep",), "biases": ("candidate",)},
                (
                    *separate("W", "rzn", "ir/kernel iz/kernel in/kernel", "j i"),
                    *separate("U", "rzn", "hr/kernel hz/kernel hn/kernel", "j i"),
                    *separate("b", "rzn", "ir/bias iz/bias in/bias"),
                    *separate("c", "n", "hn/bias"),
                ),
            ),
        ),
        "lstm": (_flax_lstm("ii if ig io", "hi hf hg ho", "/"),),
        "rnn": (_flax_rnn("i", "h", "/"),),
        "mgu": (
            Form(
                {"reset": ("after",), "update": ("keep",), "biases": ("candidate",)},
                (
                    *separate("W", "fn", "if/kernel in/kernel", "j i"),
                    *separate("U", "fn", "hf/kernel hn/kernel", "j i"),
                    *separate("b", "fn", "if/bias in/bias"),
                    *separate("c", "n", "hn/bias"),
                ),
            ),
        ),
    },
    weights=FLAX_WEIGHTS,
    notes="lstm is LSTMCell and OptimizedLSTMCell, rnn SimpleCell with residual=False, mgu MGUCell",
)

FLAX_NNX = Convention(
    name="flax_nnx",
    source="Flax, flax/nnx/nn/recurrent.py",
    activations=Activations(("sigmoid", "any"), ("tanh", "any")),
    forms={
        "gru": (
            Form(
                {"reset": ("after",), "update": ("keep",), "biases": ("one",)},
                (
                    columns("dense_i.kernel", "W", "rzn"),
                    columns("dense_h.kernel", "U", "rzn"),
                    vector("dense_i.bias", "b", "rzn"),
                ),
            ),
        ),
        "lstm": (_flax_lstm("ii if_ ig io", "hi hf hg ho", "."),),
        "rnn": (_flax_rnn("dense_i", "dense_h", "."),),
    },
    weights=FLAX_WEIGHTS,
    notes="its documentation of GRUCell has a recurrent bias of the candidate, its code has none; lstm is LSTMCell "
    "(OptimizedLSTMCell has dense_i.kernel, dense_h.kernel and dense_h.bias instead, i,f,g,o), rnn SimpleCell with "
    "residual=False",
)

HAIKU = Convention(
    name="haiku",
    source="Haiku, haiku/_src/recurrent.py",
    forms={
        "gru": (
            Form(
                {"reset": ("before",), "update": ("write",), "biases": ("one",)},
                (columns("w_i", "W", "zrn"), columns("w_h", "U", "zrn"), vector("b", "b", "zrn")),
            ),
        ),
        "lstm": (
            Form(
                {**LSTM, "forget": ("1",)},
                (
                    Packed("linear/w", (("W_i", "W_g", "W_f", "W_o"), ("U_i", "U_g", "U_f", "U_o")), "(s j) (g i)"),
                    vector("linear/b", "b", "igfo"),
                ),
            ),
        ),
        "rnn": (
            Form(
                {"activation": ("relu",), "biases": ("two",)},
                (
                    Packed("linear/w", ("W",), "j i"),
                    Packed("linear/b", ("b",)),
                    Packed("linear_1/w", ("U",), "j i"),
                    Packed("linear_1/b", ("c",)),
                ),
            ),
        ),
    },
    letters={"n": "a"},
    weights={"W": "W_i{}", "U": "W_h{}", "rnn:b": "b_i", "rnn:c": "b_h"},
    notes="lstm multiplies [x, h] from the left and adds 1 to the forget gate when it runs: that is forget=1, not "
    "part of the arrays; rnn is VanillaRNN",
)

FLAX_AND_HAIKU = (FLAX_LINEN, FLAX_NNX, HAIKU)
