"""How libraries of kernels pack recurrent cells: cuDNN, MIOpen, oneDNN, Haste, RNNoise."""

from grusym.conventions.blocks import Packed, columns, separate, vector
from grusym.conventions.record import Activations, Convention, Form

AFTER = {"reset": ("after",), "update": ("keep",)}
BEFORE = {"reset": ("before",), "update": ("keep",)}


def _numbered(gates: str) -> tuple[Packed, ...]:
    """A matrix and a bias per gate, the input's first, by the number that the library asks for."""
    count = len(gates)
    matrices, biases = ([f"{what}_{n}" for n in range(2 * count)] for what in ("matrix", "bias"))
    return (
        *separate("W", gates, " ".join(matrices[:count])),
        *separate("U", gates, " ".join(matrices[count:])),
        *separate("b", gates, " ".join(biases[:count])),
        *separate("c", gates, " ".join(biases[count:])),
    )


NUMBERED_RNN = tuple(
    Packed(name, (tensor,)) for name, tensor in (("matrix_0", "W"), ("matrix_1", "U"), ("bias_0", "b"), ("bias_1", "c"))
)
CUDNN = Convention(
    name="cudnn",
    source="cuDNN, documentation of cudnnGetRNNLinLayerMatrixParams",
    forms={
        "gru": (Form({**AFTER, "biases": ("two", "one", "none")}, _numbered("rzn")),),
        "lstm": (
            Form(
                {
                    "biases": ("two", "one", "none"),
                    "peephole": ("no",),
                    "projection": ("no", "yes"),
                    "forget": ("0",),
                },
                (*_numbered("ifgo"), Packed("matrix_8", ("V",))),
            ),
        ),
        "rnn": (Form({"biases": ("two", "one", "none")}, NUMBERED_RNN),),
    },
    letters={"z": "i", "n": "h", "g": "c", "": "i"},
    weights={"U": "R_{}", "b": "b_W{}", "c": "b_R{}", "V": "W_p"},
    tensors={"n": "h_tilde", "g": "c_tilde"},
    notes="numbers are linLayerID; CUDNN_RNN_DOUBLE_BIAS, SINGLE_INP_BIAS and NO_BIAS are biases=two, one and "
    "none; SINGLE_REC_BIAS, where the candidate's bias stands inside r*(), is biases=candidate with b_n = 0",
    unverified="letters of gates, and that the projection is number 8; numbers were read in a wrapper's copy of the "
    "documentation",
)

MIOPEN = Convention(
    name="miopen",
    source="MIOpen, include/miopen/miopen.h, driver/gru_verify_gemm.hpp",
    forms={
        "gru": (Form({**AFTER, "biases": ("two", "none")}, _numbered("zrn")),),
        "lstm": (
            Form(
                {"biases": ("two", "none"), "peephole": ("no",), "projection": ("no",), "forget": ("0",)},
                _numbered("ifog"),
            ),
        ),
        "rnn": (Form({"biases": ("two", "none")}, NUMBERED_RNN),),
    },
    notes="numbers are paramID of miopenGetRNNLayerParam and biasID of miopenGetRNNLayerBias",
    unverified="numbers were read in a wrapper's copy of the header",
)


def _ldigo(gates: str) -> tuple[Packed, ...]:
    """Weights by layer, direction, input, gate and output."""
    stacks = (tuple(f"{letter}_{gate}" for gate in gates) if gates else (letter,) for letter in "WU")
    return tuple(
        Packed(f"weights_{what}", stack, "l d j g i") for what, stack in zip(("layer", "iter"), stacks, strict=True)
    )


def _ldgo(name: str, *tensors: str) -> Packed:
    return Packed(name, tensors, "l d g i")


ONEDNN_GRU = (
    Form({**BEFORE, "biases": ("one",)}, (*_ldigo("zrn"), _ldgo("bias", "b_z", "b_r", "b_n"))),
    Form({**AFTER, "biases": ("candidate",)}, (*_ldigo("zrn"), _ldgo("bias", "b_z", "b_r", "b_n", "c_n"))),
)
ONEDNN = Convention(
    name="onednn",
    source="oneDNN, doc/functional_api/primitives/rnn.md",
    forms={
        "gru": ONEDNN_GRU,
        "lstm": (
            Form(
                {
                    "biases": ("one",),
                    "peephole": ("no", "yes"),
                    "projection": ("no", "yes"),
                    "forget": ("0",),
                },
                (
                    *_ldigo("ifgo"),
                    _ldgo("weights_peephole", "p_i", "p_f", "p_o"),
                    Packed("weights_projection", ("V",), "l d j i"),
                    _ldgo("bias", "b_i", "b_f", "b_g", "b_o"),
                ),
            ),
        ),
        "rnn": (Form({"biases": ("one",)}, (*_ldigo(""), _ldgo("bias", "b"))),),
        "augru": ONEDNN_GRU,
    },
    letters={"z": "u", "n": "o", "g": "c"},
    weights={"b": "B_{}", "p": "P_{}", "V": "R", "rnn:b": "b", "c_n": "B_u_prime"},
    tensors={"u": "q", "v": "u_tilde", "g": "c_tilde"},
    notes="ldigo: layer, direction, input, gate, output; vanilla_gru and vanilla_augru are reset=before, lbr_gru and "
    "lbr_augru reset=after",
)

HASTE = Convention(
    name="haste",
    source="Haste, lib/gru_forward_gpu.cu.cc, frameworks/pytorch/gru.py",
    forms={
        "gru": (
            Form(
                {**AFTER, "biases": ("two",)},
                (
                    columns("kernel", "W", "zrn"),
                    columns("recurrent_kernel", "U", "zrn"),
                    vector("bias", "b", "zrn"),
                    vector("recurrent_bias", "c", "zrn"),
                ),
            ),
        ),
        "lstm": (
            Form(
                {"biases": ("one",), "peephole": ("no",), "projection": ("no",), "forget": ("0",)},
                (columns("kernel", "W", "igfo"), columns("recurrent_kernel", "U", "igfo"), vector("bias", "b", "igfo")),
            ),
        ),
        "lngru": (
            Form(
                {"norm": ("all",), "update": ("keep",), "biases": ("two",)},
                (
                    columns("kernel", "W", "zrn"),
                    columns("recurrent_kernel", "U", "zrn"),
                    vector("bias", "b", "zrn"),
                    vector("recurrent_bias", "c", "zrn"),
                    Packed("gamma", (("g_z", "g_r", "g_n"), ("k_z", "k_r", "k_n")), "s (g i)"),
                ),
            ),
        ),
    },
    letters={"n": "h"},
    weights={"U": "R_{}", "b": "bx_{}", "c": "br_{}", "lstm:b": "b_{}", "lngru:g": "gamma0_{}", "lngru:k": "gamma1_{}"},
    tensors={"n": "g"},
    notes="forget_bias of its LSTM is what the bias begins with, not added when it runs; lngru is LayerNormGRU",
)

RNNOISE_COLUMNS = (columns("input_weights", "W", "zrn"), columns("recurrent_weights", "U", "zrn"))
RNNOISE_WEIGHTS = {"W": "input_weights_{}", "U": "recurrent_weights_{}"}
RNNOISE_STATE = {"n": "h", "h": "state"}
RNNOISE_INT8 = Convention(
    name="rnnoise_2018",
    source="RNNoise to 2024-03, src/rnn.c",
    activations=Activations(candidate=("tanh", "relu", "sigmoid")),
    forms={"gru": (Form({**BEFORE, "biases": ("one",)}, (*RNNOISE_COLUMNS, vector("bias", "b", "zrn"))),)},
    letters={"n": "h"},
    weights={**RNNOISE_WEIGHTS, "b": "bias_{}"},
    tensors=RNNOISE_STATE,
    notes="int8 arrays, scaled by 1/256; the candidate's activation is ReLU, tanh or sigmoid, here tanh",
)

RNNOISE = Convention(
    name="rnnoise",
    source="RNNoise since 2024-03, src/nnet.c",
    forms={
        "gru": (
            Form(
                {**AFTER, "biases": ("two",)},
                (*RNNOISE_COLUMNS, vector("input_bias", "b", "zrn"), vector("recurrent_bias", "c", "zrn")),
            ),
        )
    },
    letters={"n": "h"},
    weights={**RNNOISE_WEIGHTS, "b": "input_bias_{}", "c": "recurrent_bias_{}"},
    tensors=RNNOISE_STATE,
    notes="input_weights and recurrent_weights are two LinearLayers with float_weights and bias",
    unverified="names of arrays, and that blocks stand by columns",
)

LIBRARIES = (CUDNN, MIOPEN, ONEDNN, HASTE, RNNOISE_INT8, RNNOISE)
