"""How formats of models that are exchanged pack recurrent cells: ONNX, OpenVINO, WebNN."""

from grusym.conventions.blocks import Packed, rows, vector
from grusym.conventions.record import Activations, Convention, Form, Naming, Peer


def _onnx(gates: str) -> tuple[Packed, ...]:
    biases = tuple(tuple(f"{letter}_{gate}" for gate in gates) for letter in "bc")
    return (
        rows("W", "W", gates, "d (g i) j"),
        rows("R", "U", gates, "d (g i) j"),
        Packed("B", biases, "d (s g i)"),
    )


# What ONNX and OpenVINO call things: states are H and C, and the letters h and c are candidates.
LETTERS = {"n": "h", "g": "c", "": "i"}
SYMBOLS = {"x": "X", "h": "H", "c": "C"}
EXTENTS = {"H": "hidden_size", "I": "input_size"}

# The operators, and their attributes: of each option the value first that holds where the attribute is not given.
ONNX_OPERATORS = {
    "gru": Peer(
        "GRU",
        {"reset": {"before": {"linear_before_reset": 0}, "after": {"linear_before_reset": 1}}},
        {"hidden_size": "H"},
        fixed={"activations": ("Sigmoid", "Tanh")},
    ),
    "lstm": Peer(
        "LSTM", {}, {"hidden_size": "H"}, fixed={"activations": ("Sigmoid", "Tanh", "Tanh"), "input_forget": 0}
    ),
    "rnn": Peer(
        "RNN",
        {"activation": {"tanh": {"activations": ("Tanh",)}, "relu": {"activations": ("Relu",)}}},
        {"hidden_size": "H"},
    ),
}
# ONNX's other activations (onnx/defs/rnn/defs.cc).
ONNX_FUNCTIONS = tuple("relu leaky_relu thresholded_relu scaled_tanh hard_sigmoid elu softsign softplus affine".split())

ONNX = Convention(
    name="onnx",
    source="ONNX, onnx/defs/rnn/defs.cc, doc_strings.cc",
    activations=Activations(("sigmoid", *ONNX_FUNCTIONS), ("tanh", *ONNX_FUNCTIONS)),
    forms={
        "gru": tuple(
            Form({"reset": (reset,), "update": ("keep",), "biases": ("two", "none")}, _onnx("zrn"))
            for reset in ("before", "after")
        ),
        "lstm": (
            Form(
                {"biases": ("two", "none"), "peephole": ("no", "yes"), "projection": ("no",), "forget": ("0",)},
                (*_onnx("iofg"), Packed("P", ("p_i", "p_o", "p_f"), "d (g i)")),
            ),
        ),
        "rnn": (
            Form(
                {"biases": ("two", "none")},
                (
                    Packed("W", ("W",), "d i j"),
                    Packed("R", ("U",), "d i j"),
                    Packed("B", ("b", "c"), "d (g i)"),
                ),
            ),
        ),
    },
    letters=LETTERS,
    weights={"U": "R_{}", "b": "Wb_{}", "c": "Rb_{}", "p": "P_{}"},
    tensors=SYMBOLS,
    axes=EXTENTS,
    notes="linear_before_reset=0, the default, is reset=before, 1 reset=after; the first axis is the direction",
    naming=Naming("layer{layer}/{name}"),
    peers=ONNX_OPERATORS,
)

OPENVINO_GRU = (rows("W", "W", "zrn"), rows("R", "U", "zrn"))
OPENVINO = Convention(
    name="openvino",
    source="OpenVINO, reference/gru_cell.hpp, specification of operations",
    activations=Activations(("sigmoid", "tanh", "relu"), ("tanh", "sigmoid", "relu")),
    forms={
        "gru": (
            Form(
                {"reset": ("before",), "update": ("keep",), "biases": ("one",)},
                (*OPENVINO_GRU, vector("B", "b", "zrn")),
            ),
            Form(
                {"reset": ("after",), "update": ("keep",), "biases": ("candidate",)},
                (*OPENVINO_GRU, Packed("B", ("b_z", "b_r", "b_n", "c_n"), "(g i)")),
            ),
        ),
        "lstm": (
            Form(
                {"biases": ("one",), "peephole": ("no",), "projection": ("no",), "forget": ("0",)},
                (rows("W", "W", "figo"), rows("R", "U", "figo"), vector("B", "b", "figo")),
            ),
        ),
        "rnn": (Form({"biases": ("one",)}, (Packed("W", ("W",)), Packed("R", ("U",)), Packed("B", ("b",)))),),
        "augru": (
            Form(
                {"reset": ("before",), "update": ("keep",), "biases": ("one",)},
                (*OPENVINO_GRU, vector("B", "b", "zrn")),
            ),
        ),
    },
    letters=LETTERS,
    weights={"U": "R_{}", "b": "B_{}", "c": "Rb_{}"},
    tensors={**SYMBOLS, "a": "A", "v": "z_tilde"},
    axes=EXTENTS,
    notes="GRUCell, LSTMCell, RNNCell and AUGRUCell; linear_before_reset=true is reset=after, where B holds two biases "
    "of h, that of the input and that of the state; GRUSequence and the like have a first axis for the direction",
    unverified="the shape of B of AUGRUCell",
)

WEBNN_GRU = (
    rows("weight", "W", "zrn", "d (g i) j"),
    rows("recurrentWeight", "U", "zrn", "d (g i) j"),
    vector("bias", "b", "zrn", "d (g i)"),
    vector("recurrentBias", "c", "zrn", "d (g i)"),
)
WEBNN = Convention(
    name="webnn",
    source="WebNN, specification",
    activations=Activations(("sigmoid", "tanh", "relu"), ("tanh", "sigmoid", "relu")),
    forms={
        "gru": tuple(
            Form({"reset": (reset,), "update": ("keep",), "biases": ("two", "none")}, WEBNN_GRU)
            for reset in ("after", "before")
        ),
        "lstm": (
            Form(
                {"biases": ("two", "none"), "peephole": ("no",), "projection": ("no",), "forget": ("0",)},
                (
                    rows("weight", "W", "iofg", "d (g i) j"),
                    rows("recurrentWeight", "U", "iofg", "d (g i) j"),
                    vector("bias", "b", "iofg", "d (g i)"),
                    vector("recurrentBias", "c", "iofg", "d (g i)"),
                ),
            ),
        ),
    },
    weights={"W": "weight_{}", "U": "recurrentWeight_{}", "b": "bias_{}", "c": "recurrentBias_{}"},
    notes="resetAfter=true, the default, is reset=after; layouts 'zrn' and 'iofg', the defaults; the first axis is the "
    "direction; peepholeWeight is left out: in the specification's emulation the output gate sees the old cell state",
    naming=Naming("layer{layer}/{name}"),
)

FORMATS = (ONNX, OPENVINO, WEBNN)
