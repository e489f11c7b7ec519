"""How frameworks pack a GRU: Keras, TensorFlow, Flax, Haiku, MLX, MXNet, DyNet, MindSpore, burn, Paddle."""

from grusym.conventions.blocks import Packed, columns, rows, separate, vector
from grusym.conventions.record import Convention, Form, Naming

KERNELS = (columns("kernel", "W", "zrn"), columns("recurrent_kernel", "U", "zrn"))
KERAS = Convention(
    name="keras",
    source="Keras, keras/src/layers/rnn/gru.py",
    forms={
        "gru": (
            Form(
                {"reset": ("after",), "update": ("keep",), "biases": ("two", "none")},
                (*KERNELS, Packed("bias", (("b_z", "b_r", "b_n"), ("c_z", "c_r", "c_n")), "s (g i)")),
            ),
            Form(
                {"reset": ("before",), "update": ("keep",), "biases": ("one", "none")},
                (*KERNELS, vector("bias", "b", "zrn")),
            ),
        )
    },
    letters={"n": "h"},
    notes="reset_after=True, the default, is reset=after",
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
    notes="multiplies [x, h] from the left; b_ru is initialised to 1",
)

FLAX_LINEN = Convention(
    name="flax_linen",
    source="Flax, flax/linen/recurrent.py",
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
        )
    },
)

FLAX_NNX = Convention(
    name="flax_nnx",
    source="Flax, flax/nnx/nn/recurrent.py",
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
        )
    },
    notes="its documentation has a recurrent bias of the candidate, its code has none",
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
        )
    },
    letters={"n": "a"},
)

MLX = Convention(
    name="mlx",
    source="MLX, python/mlx/nn/layers/recurrent.py",
    notes="older versions of its source have columns",
    forms={
        "gru": (
            Form(
                {"reset": ("after",), "update": ("keep",), "biases": ("candidate", "none")},
                (
                    rows("Wx", "W", "rzn"),
                    rows("Wh", "U", "rzn"),
                    vector("b", "b", "rzn"),
                    vector("bhn", "c", "n"),
                ),
            ),
        )
    },
)

MXNET = Convention(
    name="mxnet",
    source="MXNet, src/operator/rnn_impl.h",
    forms={
        "gru": (
            Form(
                {"reset": ("after",), "update": ("keep",), "biases": ("two",)},
                (
                    rows("i2h_weight", "W", "rzn"),
                    rows("h2h_weight", "U", "rzn"),
                    vector("i2h_bias", "b", "rzn"),
                    vector("h2h_bias", "c", "rzn"),
                ),
            ),
        )
    },
    naming=Naming("{way}{layer}_{name}", ("l", "r")),
    notes="the fused operator takes them raveled in one vector: all weights, then all biases",
    unverified="names of parameters",
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
        )
    },
    letters={"n": "h"},
)

MINDSPORE = Convention(
    name="mindspore",
    source="MindSpore, API documentation of ops.DynamicGRUV2",
    forms={
        "gru": (
            Form(
                {"reset": ("after",), "update": ("keep",), "biases": ("two", "none")},
                (
                    columns("weight_input", "W", "rzn"),
                    columns("weight_hidden", "U", "rzn"),
                    vector("bias_input", "b", "rzn"),
                    vector("bias_hidden", "c", "rzn"),
                ),
            ),
        )
    },
    letters={"n": "h"},
    notes="gate_order='rzh', the default, and reset_after=True",
    unverified="read in an excerpt of its documentation only; that blocks stand by columns",
)

BURN = Convention(
    name="burn",
    source="burn, crates/burn-core/src/nn/rnn/gru.rs",
    forms={
        "gru": tuple(
            Form(
                {"reset": (reset,), "update": ("keep",), "biases": ("two", "none")},
                tuple(
                    Packed(f"{gate}_gate.{side}_transform.{what}", (f"{letter}_{short}",), axes)
                    for what, sides, axes in (("weight", "WU", "j i"), ("bias", "bc", ""))
                    for short, gate in (("z", "update"), ("r", "reset"), ("n", "new"))
                    for letter, side in zip(sides, ("input", "hidden"), strict=True)
                ),
            )
            for reset in ("after", "before")
        )
    },
    notes="reset_after=true, the default, is reset=after; earlier versions have reset=before only",
    unverified="reset_after, read in an excerpt of its documentation only",
)

PADDLE = Convention(
    name="paddle_fluid",
    source="Paddle, fluid.layers.gru_unit and dynamic_gru, documentation",
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
    notes="origin_mode=True is update=keep",
    unverified="everything but that origin_mode flips the polarity",
)

FRAMEWORKS = (KERAS, TF_GRU_BLOCK_CELL, FLAX_LINEN, FLAX_NNX, HAIKU, MLX, MXNET, DYNET, MINDSPORE, BURN, PADDLE)
