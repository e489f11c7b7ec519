"""How formats of models pack a GRU: ONNX, OpenVINO, CoreML, WebNN."""

from grusym.conventions.blocks import Packed, rows, separate, vector
from grusym.conventions.record import Convention, Form, Naming

ONNX_ARRAYS = (
    rows("W", "W", "zrn", "d (g i) j"),
    rows("R", "U", "zrn", "d (g i) j"),
    Packed("B", (("b_z", "b_r", "b_n"), ("c_z", "c_r", "c_n")), "d (s g i)"),
)
ONNX = Convention(
    name="onnx",
    source="ONNX, onnx/defs/rnn/defs.cc, doc_strings.cc",
    forms={
        "gru": tuple(
            Form({"reset": (reset,), "update": ("keep",), "biases": ("two", "none")}, ONNX_ARRAYS)
            for reset in ("before", "after")
        )
    },
    letters={"n": "h"},
    notes="linear_before_reset=0, the default, is reset=before, 1 reset=after; the first axis is the direction",
    naming=Naming("layer{layer}/{name}"),
)

OPENVINO_ARRAYS = (rows("W", "W", "zrn"), rows("R", "U", "zrn"))
OPENVINO = Convention(
    name="openvino",
    source="OpenVINO, reference/gru_cell.hpp",
    forms={
        "gru": (
            Form(
                {"reset": ("before",), "update": ("keep",), "biases": ("one",)},
                (*OPENVINO_ARRAYS, vector("B", "b", "zrn")),
            ),
            Form(
                {"reset": ("after",), "update": ("keep",), "biases": ("candidate",)},
                (*OPENVINO_ARRAYS, Packed("B", ("b_z", "b_r", "b_n", "c_n"), "(g i)")),
            ),
        )
    },
    letters={"n": "h"},
    notes="GRUCell; linear_before_reset=true is reset=after; GRUSequence has a first axis for the direction",
)

COREML_NN = Convention(
    name="coreml_nn",
    source="CoreML, mlmodel/format/NeuralNetwork.proto",
    unverified="names of parameters",
    forms={
        "gru": (
            Form(
                {"reset": ("before",), "update": ("keep",), "biases": ("one", "none")},
                (
                    *separate("W", "zrn", "updateGateWeightMatrix resetGateWeightMatrix outputGateWeightMatrix"),
                    *separate(
                        "U", "zrn", "updateGateRecursionMatrix resetGateRecursionMatrix outputGateRecursionMatrix"
                    ),
                    *separate("b", "zrn", "updateGateBiasVector resetGateBiasVector outputGateBiasVector"),
                ),
            ),
        )
    },
    letters={"n": "o"},
    notes="clips pre-activations to between -50 and 50, which changes a gate by less than 2e-22",
)

COREML_MIL = Convention(
    name="coreml_mil",
    source="CoreML, coremltools/converters/mil/mil/ops/defs/iOS15/recurrent.py",
    forms={
        "gru": (
            Form(
                {"reset": ("after",), "update": ("keep",), "biases": ("one", "none")},
                (rows("weight_ih", "W", "rnz"), rows("weight_hh", "U", "rnz"), vector("bias", "b", "rnz")),
            ),
        )
    },
    letters={"n": "o"},
    notes="the candidate's recurrent bias stands outside r*(), so that all biases are one; "
    "iOS18 adds reset_after (default False) and input_bias",
)

WEBNN_ARRAYS = (
    rows("weight", "W", "zrn", "d (g i) j"),
    rows("recurrentWeight", "U", "zrn", "d (g i) j"),
    vector("bias", "b", "zrn", "d (g i)"),
    vector("recurrentBias", "c", "zrn", "d (g i)"),
)
WEBNN = Convention(
    name="webnn",
    source="WebNN, specification",
    unverified="names of parameters",
    forms={
        "gru": tuple(
            Form({"reset": (reset,), "update": ("keep",), "biases": ("two", "none")}, WEBNN_ARRAYS)
            for reset in ("after", "before")
        )
    },
    notes="resetAfter=true, the default, is reset=after; layout 'zrn', the default; the first axis is the direction",
    naming=Naming("layer{layer}/{name}"),
)

FORMATS = (ONNX, OPENVINO, COREML_NN, COREML_MIL, WEBNN)
