"""How libraries of kernels pack a GRU: cuDNN, MIOpen, oneDNN, Haste, RNNoise."""

from grusym.conventions.blocks import Packed, columns, separate, vector
from grusym.conventions.record import Convention, Form


def _numbered(gates: str) -> tuple[Packed, ...]:
    """A matrix and a bias per gate, the input's first, by the number that the library asks for."""
    return (
        *separate("W", gates, "matrix_0 matrix_1 matrix_2"),
        *separate("U", gates, "matrix_3 matrix_4 matrix_5"),
        *separate("b", gates, "bias_0 bias_1 bias_2"),
        *separate("c", gates, "bias_3 bias_4 bias_5"),
    )


CUDNN = Convention(
    name="cudnn",
    source="cuDNN, its header; order as Keras uses it",
    forms={
        "gru": (Form({"reset": ("after",), "update": ("keep",), "biases": ("two", "one", "none")}, _numbered("rzn")),)
    },
    letters={"z": "i", "n": "h"},
    notes="numbers are pseudo-layer ids; CUDNN_RNN_DOUBLE_BIAS, SINGLE_INP_BIAS and NO_BIAS are biases=two, one and "
    "none; SINGLE_REC_BIAS, where the candidate's bias stands inside r*(), is biases=candidate with b_n = 0",
    unverified="letters of gates, and the order of the numbers",
)

MIOPEN = Convention(
    name="miopen",
    source="MIOpen, include/miopen/miopen.h, driver/gru_verify_gemm.hpp",
    forms={"gru": (Form({"reset": ("after",), "update": ("keep",), "biases": ("two", "none")}, _numbered("zrn")),)},
    notes="numbers are those of miopenGetRNNLayerParam",
    unverified="the order of the numbers",
)

WEIGHTS = (
    Packed("weights_layer", ("W_z", "W_r", "W_n"), "l d j g i"),
    Packed("weights_iter", ("U_z", "U_r", "U_n"), "l d j g i"),
)
ONEDNN = Convention(
    name="onednn",
    source="oneDNN, doc/functional_api/primitives/rnn.md",
    forms={
        "gru": (
            Form(
                {"reset": ("before",), "update": ("keep",), "biases": ("one",)},
                (*WEIGHTS, Packed("bias", ("b_z", "b_r", "b_n"), "l d g i")),
            ),
            Form(
                {"reset": ("after",), "update": ("keep",), "biases": ("candidate",)},
                (*WEIGHTS, Packed("bias", ("b_z", "b_r", "b_n", "c_n"), "l d g i")),
            ),
        )
    },
    letters={"z": "u", "n": "o"},
    notes="ldigo: layer, direction, input, gate, output; vanilla_gru is reset=before, lbr_gru reset=after",
)

HASTE = Convention(
    name="haste",
    source="Haste, lib/gru_forward_gpu.cu.cc, frameworks/pytorch/gru.py",
    forms={
        "gru": (
            Form(
                {"reset": ("after",), "update": ("keep",), "biases": ("two",)},
                (
                    columns("kernel", "W", "zrn"),
                    columns("recurrent_kernel", "U", "zrn"),
                    vector("bias", "b", "zrn"),
                    vector("recurrent_bias", "c", "zrn"),
                ),
            ),
        )
    },
    letters={"n": "h"},
)

COLUMNS = (columns("input_weights", "W", "zrn"), columns("recurrent_weights", "U", "zrn"))
RNNOISE_INT8 = Convention(
    name="rnnoise_2018",
    source="RNNoise to 2024-03, src/rnn.c",
    unverified="names of parameters",
    forms={
        "gru": (
            Form(
                {"reset": ("before",), "update": ("keep",), "biases": ("one",)},
                (*COLUMNS, vector("bias", "b", "zrn")),
            ),
        )
    },
    letters={"n": "h"},
    notes="int8 arrays, scaled by 1/256; the candidate's activation is ReLU, tanh or sigmoid, here tanh",
)

RNNOISE = Convention(
    name="rnnoise",
    source="RNNoise since 2024-03, src/nnet.c",
    forms={
        "gru": (
            Form(
                {"reset": ("after",), "update": ("keep",), "biases": ("two",)},
                (*COLUMNS, vector("input_bias", "b", "zrn"), vector("recurrent_bias", "c", "zrn")),
            ),
        )
    },
    letters={"n": "h"},
    unverified="names of parameters, and that blocks stand by columns",
)

LIBRARIES = (CUDNN, MIOPEN, ONEDNN, HASTE, RNNOISE_INT8, RNNOISE)
