"""How Paddle and MindSpore pack recurrent cells: as PyTorch in their modules, otherwise in their operators."""

from grusym.conventions.blocks import Packed, columns, rows, vector
from grusym.conventions.record import Activations, Convention, Form

TORCH_WEIGHTS = {"W": "W_i{}", "U": "W_h{}", "b": "b_i{}", "c": "b_h{}"}
AFTER = {"reset": ("after",), "update": ("keep",)}


def _stacked(gates: str) -> tuple[Packed, ...]:
    """Arrays as PyTorch's cells have them."""
    return (
        rows("weight_ih", "W", gates),
        rows("weight_hh", "U", gates),
        vector("bias_ih", "b", gates),
        vector("bias_hh", "c", gates),
    )


SIMPLE = tuple(
    Packed(name, (tensor,))
    for name, tensor in (("weight_ih", "W"), ("weight_hh", "U"), ("bias_ih", "b"), ("bias_hh", "c"))
)
PADDLE = Convention(
    name="paddle",
    source="Paddle, python/paddle/nn/layer/rnn.py",
    forms={
        "gru": (Form({**AFTER, "biases": ("two",)}, _stacked("rzn")),),
        "lstm": (
            Form(
                {"biases": ("two",), "peephole": ("no",), "projection": ("no", "yes"), "forget": ("0",)},
                (*_stacked("ifgo"), Packed("weight_ho", ("V",), "j i")),
            ),
        ),
        "rnn": (Form({"biases": ("two",)}, SIMPLE),),
    },
    letters={"n": "c", "": "h"},
    weights=TORCH_WEIGHTS | {"V": "W_proj"},
    tensors={"n": "h_tilde", "g": "c_tilde"},
    notes="GRUCell, LSTMCell and SimpleRNNCell of paddle.nn; the projection multiplies from the left",
)

PADDLE_FLUID = Convention(
    name="paddle_fluid",
    source="Paddle, fluid.layers.gru_unit and dynamic_gru, documentation",
    activations=Activations(("sigmoid", "tanh", "relu", "identity"), ("tanh", "sigmoid", "relu", "identity")),
    forms={
        "gru": (
            Form(
                {"reset": ("before",), "update": ("write", "keep"), "biases": ("one", "none")},
                (
                    columns("input_weight", "W", "zrn"),
                    columns("weight", "U", "zrn"),
                    vector("bias", "b", "zrn", "1 (g i)"),
                ),
            ),
        )
    },
    letters={"z": "u", "n": "c"},
    weights={"W": "W_{}x", "U": "W_{}h"},
    tensors={"n": "h_tilde"},
    notes="origin_mode=True is update=keep; the input is multiplied by a layer before, here input_weight",
    unverified="how the blocks of weight stand in memory, and the name of input_weight",
)

MINDSPORE = Convention(
    name="mindspore",
    source="MindSpore, API documentation of ops.DynamicGRUV2",
    forms={
        "gru": (
            Form(
                {**AFTER, "biases": ("two", "none")},
                (
                    columns("weight_input", "W", "rzn"),
                    columns("weight_hidden", "U", "rzn"),
                    vector("bias_input", "b", "rzn"),
                    vector("bias_hidden", "c", "rzn"),
                ),
            ),
        )
    },
    weights=TORCH_WEIGHTS,
    notes="gate_order='rzh', the default, and reset_after=True",
)

MINDSPORE_NN = Convention(
    name="mindspore_nn",
    source="MindSpore, mindspore/python/mindspore/nn/layer/rnn_cells.py",
    forms={
        "gru": (Form({**AFTER, "biases": ("two", "none")}, _stacked("rzn")),),
        "lstm": (
            Form(
                {"biases": ("two", "none"), "peephole": ("no",), "projection": ("no",), "forget": ("0",)},
                _stacked("ifgo"),
            ),
        ),
        "rnn": (Form({"biases": ("two", "none")}, SIMPLE),),
    },
    letters={"g": "c", "": "h"},
    weights=TORCH_WEIGHTS | {"lstm:W": "W_{}x", "lstm:U": "W_{}h", "lstm:b": "b_{}x", "lstm:c": "b_{}h"},
    tensors={"g": "c_tilde"},
    notes="GRUCell, LSTMCell and RNNCell",
)

PADDLE_AND_MINDSPORE = (PADDLE, PADDLE_FLUID, MINDSPORE, MINDSPORE_NN)
