"""How further frameworks pack recurrent cells: MLX, MXNet, DyNet, burn."""

from dataclasses import replace

from grusym.conventions.blocks import Packed, rows, separate, vector
from grusym.conventions.record import Convention, Flat, Form, Naming

AFTER = {"reset": ("after",), "update": ("keep",)}
LSTM = {"peephole": ("no",), "projection": ("no",)}

MLX = Convention(
    name="mlx",
    source="MLX, python/mlx/nn/layers/recurrent.py",
    notes="versions of its source before May 2024 have columns",
    forms={
        "gru": (
            Form(
                {**AFTER, "biases": ("candidate", "none")},
                (
                    rows("Wx", "W", "rzn"),
                    rows("Wh", "U", "rzn"),
                    vector("b", "b", "rzn"),
                    vector("bhn", "c", "n"),
                ),
            ),
        ),
        "lstm": (
            Form(
                {"biases": ("one", "none"), **LSTM, "forget": ("0",)},
                (rows("Wx", "W", "ifgo"), rows("Wh", "U", "ifgo"), vector("bias", "b", "ifgo")),
            ),
        ),
        "rnn": (
            Form(
                {"biases": ("one", "none")},
                (Packed("Wxh", ("W",)), Packed("Whh", ("U",)), Packed("bias", ("b",))),
            ),
        ),
    },
    weights={"W": "W_x{}", "U": "W_h{}", "c": "b_h{}", "rnn:W": "W_ih", "rnn:U": "W_hh"},
)


def _mxnet(gates: str) -> tuple[Packed, ...]:
    """Stacks along the first axis, which convolutions have as well."""
    parts = (("i2h_weight", "W"), ("h2h_weight", "U"), ("i2h_bias", "b"), ("h2h_bias", "c"))
    return tuple(Packed(name, tuple(f"{letter}_{g}" for g in gates) if gates else (letter,)) for name, letter in parts)


MXNET = Convention(
    name="mxnet",
    source="MXNet, python/mxnet/gluon/rnn/rnn_cell.py",
    forms={
        "gru": (Form({**AFTER, "biases": ("two",)}, _mxnet("rzn")),),
        "lstm": (Form({"biases": ("two",), **LSTM, "forget": ("0",)}, _mxnet("ifgo")),),
        "rnn": (Form({"biases": ("two",)}, _mxnet("")),),
        "convgru": (Form({**AFTER, "biases": ("two",)}, _mxnet("rzn")),),
    },
    letters={"": "h"},
    weights={"W": "W_i{}", "U": "W_h{}", "b": "b_i{}", "c": "b_h{}", "convgru:W": "W_{}", "convgru:U": "R_{}"},
    naming=Naming("{way}{layer}_{name}", ("l", "r"), numbers_one=True),
    notes="convgru is Conv2DGRUCell in NCHW, with an i2h_pad that keeps the extents; its documents call the update "
    "gate of GRUCell i, its code z",
)

MXNET_FLAT = replace(
    MXNET,
    name="mxnet_flat",
    source="MXNet, src/operator/rnn_impl.h",
    forms={family: MXNET.forms[family] for family in ("gru", "lstm", "rnn")},
    flat=Flat("parameters", (("i2h_weight", "h2h_weight"), ("i2h_bias", "h2h_bias"))),
    notes="the fused operator RNN, gluon's rnn.GRU, LSTM and RNN; a kernel takes the parts of the vector",
)

DYNET = Convention(
    name="dynet",
    source="DyNet, dynet/gru.cc",
    forms={
        "gru": (
            Form(
                {"reset": ("before",), "update": ("write",), "biases": ("one",)},
                (
                    *separate("W", "zrn", "x2z x2r x2h"),
                    *separate("U", "zrn", "h2z h2r h2h"),
                    *separate("b", "zrn", "bz br bh"),
                ),
            ),
        ),
        "lstm": (
            Form(
                {"biases": ("one",), **LSTM, "forget": ("1", "0")},
                (rows("x2i", "W", "ifog"), rows("h2i", "U", "ifog"), vector("bi", "b", "ifog")),
            ),
        ),
    },
    letters={"n": "h"},
    weights={"W": "x2{}", "U": "h2{}", "b": "b{}"},
    tensors={"n": "ct"},
    notes="lstm is VanillaLSTMBuilder in dynet/lstm.cc, whose constructor has forget_bias",
)


def _controllers(gates: dict[str, str]) -> tuple[Packed, ...]:
    """Two linear layers per gate, which multiply from the left."""
    return tuple(
        Packed(f"{gate}.{side}_transform.{what}", (f"{letter}_{short}" if short else letter,), axes)
        for what, sides, axes in (("weight", "WU", "j i"), ("bias", "bc", ""))
        for short, gate in gates.items()
        for letter, side in zip(sides, ("input", "hidden"), strict=True)
    )


BURN_GRU = _controllers({"z": "update_gate", "r": "reset_gate", "n": "new_gate"})
BURN = Convention(
    name="burn",
    source="burn, crates/burn-nn/src/modules/rnn/gru.rs",
    forms={
        "gru": tuple(
            Form({"reset": (reset,), "update": ("keep",), "biases": ("two", "none")}, BURN_GRU)
            for reset in ("after", "before")
        ),
        "lstm": (
            Form(
                {"biases": ("two", "none"), **LSTM, "forget": ("0",)},
                _controllers({"i": "input_gate", "f": "forget_gate", "o": "output_gate", "g": "cell_gate"}),
            ),
        ),
        "rnn": (Form({"biases": ("two", "none")}, _controllers({"": "gate"})),),
    },
    notes="reset_after=true, the default, is reset=after; earlier versions have reset=before only",
)

FRAMEWORKS = (MLX, MXNET, MXNET_FLAT, DYNET, BURN)
