"""PyTorch's recurrent modules: gate blocks stacked by rows, two bias vectors (aten/src/ATen/native/RNN.cpp)."""

from grusym.conventions.blocks import Packed
from grusym.conventions.record import Convention, Form, Naming, Peer


def _stacked(gates: str) -> tuple[Packed, ...]:
    parts = {"weight_ih": "W", "weight_hh": "U", "bias_ih": "b", "bias_hh": "c"}
    return tuple(Packed(name, tuple(f"{part}_{gate}" for gate in gates)) for name, part in parts.items())


SIZES = {"input_size": "I", "hidden_size": "H"}
BIASES = {"two": {"bias": True}, "none": {"bias": False}}

TORCH = Convention(
    name="torch",
    source="PyTorch, aten/src/ATen/native/RNN.cpp",
    forms={
        "gru": (Form({"reset": ("after",), "update": ("keep",), "biases": ("two", "none")}, _stacked("rzn")),),
        "lstm": (
            Form(
                {"biases": ("two", "none"), "peephole": ("no",), "projection": ("no", "yes"), "forget": ("0",)},
                (*_stacked("ifgo"), Packed("weight_hr", ("V",))),
            ),
        ),
        "rnn": (
            Form(
                {"biases": ("two", "none")},
                (
                    Packed("weight_ih", ("W",)),
                    Packed("weight_hh", ("U",)),
                    Packed("bias_ih", ("b",)),
                    Packed("bias_hh", ("c",)),
                ),
            ),
        ),
    },
    letters={"": "h"},
    weights={"W": "W_i{}", "U": "W_h{}", "b": "b_i{}", "c": "b_h{}", "V": "W_hr"},
    naming=Naming("{name}_l{layer}{way}", ("", "_reverse"), numbers_one=True),
    notes="the update is computed as n + z (h - n)",
    peers={
        "gru": Peer("GRU", {"biases": BIASES}, SIZES),
        "lstm": Peer("LSTM", {"biases": BIASES}, {**SIZES, "proj_size": "P"}, below=(("P", "H"),)),
        "rnn": Peer(
            "RNN",
            {"biases": BIASES, "activation": {"tanh": {"nonlinearity": "tanh"}, "relu": {"nonlinearity": "relu"}}},
            SIZES,
        ),
    },
)
