"""How Keras and TensorFlow pack recurrent cells: blocks by columns."""

from grusym.conventions.blocks import Packed, columns, vector
from grusym.conventions.record import Activations, Convention, Form

GRU_KERNELS = (columns("kernel", "W", "zrn"), columns("recurrent_kernel", "U", "zrn"))
KERAS = Convention(
    name="keras",
    source="Keras, keras/src/layers/rnn/gru.py",
    activations=Activations(("sigmoid", "any"), ("tanh", "any")),
    forms={
        "gru": (
            Form(
                {"reset": ("after",), "update": ("keep",), "biases": ("two", "none")},
                (*GRU_KERNELS, Packed("bias", (("b_z", "b_r", "b_n"), ("c_z", "c_r", "c_n")), "s (g i)")),
            ),
            Form(
                {"reset": ("before",), "update": ("keep",), "biases": ("one", "none")},
                (*GRU_KERNELS, vector("bias", "b", "zrn")),
            ),
        ),
        "lstm": (
            Form(
                {"biases": ("one", "none"), "peephole": ("no",), "projection": ("no",), "forget": ("0",)},
                (columns("kernel", "W", "ifgo"), columns("recurrent_kernel", "U", "ifgo"), vector("bias", "b", "ifgo")),
            ),
        ),
        "rnn": (
            Form(
                {"biases": ("one", "none")},
                (
                    Packed("kernel", ("W",), "j i"),
                    Packed("recurrent_kernel", ("U",), "j i"),
                    Packed("bias", ("b",)),
                ),
            ),
        ),
    },
    letters={"n": "h", "g": "c"},
    weights={"W": "kernel_{}", "U": "recurrent_kernel_{}", "b": "bias_{}", "c": "recurrent_bias_{}"},
    tensors={"n": "hh", "g": "c_tilde"},
    notes="reset_after=True, the default, is reset=after; LSTM is keras/src/layers/rnn/lstm.py, rnn is SimpleRNN",
)

TF_GRU_BLOCK_CELL = Convention(
    name="tf_gru_block_cell",
    source="TensorFlow, API documentation of tf.raw_ops.GRUBlockCell",
    forms={
        "gru": (
            Form(
                {"reset": ("before",), "update": ("keep",), "biases": ("one",)},
                (
                    Packed("w_ru", (("W_r", "W_z"), ("U_r", "U_z")), "(s j) (g i)"),
                    Packed("w_c", (("W_n",), ("U_n",)), "(s j) (g i)"),
                    vector("b_ru", "b", "rz"),
                    vector("b_c", "b", "n"),
                ),
            ),
        )
    },
    letters={"z": "u", "n": "c"},
    weights={"W": "w_x{}", "U": "w_h{}"},
    notes="multiplies [x, h] from the left; b_ru is initialised to 1",
)

TF_LSTM_BLOCK_CELL = Convention(
    name="tf_lstm_block_cell",
    source="TensorFlow, tensorflow/core/kernels/rnn/lstm_ops.cc",
    forms={
        "lstm": (
            Form(
                {
                    "biases": ("one",),
                    "peephole": ("no", "yes"),
                    "projection": ("no",),
                    "forget": ("1", "0"),
                },
                (
                    Packed("w", (("W_i", "W_g", "W_f", "W_o"), ("U_i", "U_g", "U_f", "U_o")), "(s j) (g i)"),
                    Packed("wci", ("p_i",)),
                    Packed("wcf", ("p_f",)),
                    Packed("wco", ("p_o",)),
                    vector("b", "b", "igfo"),
                ),
            ),
        )
    },
    letters={"g": "ci"},
    weights={"W": "w_x{}", "U": "w_h{}", "p": "wc{}"},
    tensors={"c": "cs"},
    notes="multiplies [x, h] from the left; the API documentation has the order i,f,ci,o, the kernel i,ci,f,o; "
    "forget_bias is an attribute; cell_clip, by default 3, has to be off (-1)",
)

KERAS_AND_TENSORFLOW = (KERAS, TF_GRU_BLOCK_CELL, TF_LSTM_BLOCK_CELL)
