"""How CoreML packs recurrent cells: its neural networks, and its intermediate language MIL."""

from grusym.conventions.blocks import Packed, rows, separate, vector
from grusym.conventions.record import Activations, Convention, Form


def _named(letter: str, what: str, gates: dict[str, str]) -> tuple[Packed, ...]:
    """An array per gate, by the name of the gate and of what it holds."""
    return separate(letter, "".join(gates), " ".join(f"{gate}{what}" for gate in gates.values()))


GRU = {"z": "updateGate", "r": "resetGate", "n": "outputGate"}
LSTM = {"i": "inputGate", "f": "forgetGate", "g": "blockInput", "o": "outputGate"}
COREML_NN = Convention(
    name="coreml_nn",
    source="CoreML, mlmodel/format/NeuralNetwork.proto",
    activations=Activations(("sigmoid", "any"), ("tanh", "any")),
    forms={
        "gru": (
            Form(
                {"reset": ("before",), "update": ("keep",), "biases": ("one", "none")},
                (
                    *_named("W", "WeightMatrix", GRU),
                    *_named("U", "RecursionMatrix", GRU),
                    *_named("b", "BiasVector", GRU),
                ),
            ),
        ),
        "lstm": (
            Form(
                {
                    "biases": ("one", "none"),
                    "peephole": ("no", "yes"),
                    "projection": ("no",),
                    "forget": ("0", "1"),
                },
                (
                    *_named("W", "WeightMatrix", LSTM),
                    *_named("U", "RecursionMatrix", LSTM),
                    *_named("b", "BiasVector", LSTM),
                    *_named("p", "PeepholeVector", {gate: LSTM[gate] for gate in "ifo"}),
                ),
            ),
        ),
        "rnn": (
            Form(
                {"biases": ("one", "none")},
                (Packed("weightMatrix", ("W",)), Packed("recursionMatrix", ("U",)), Packed("biasVector", ("b",))),
            ),
        ),
    },
    letters={"n": "o", "g": "z"},
    weights={"U": "R_{}"},
    notes="clips pre-activations to between -50 and 50, which changes a gate by less than 2e-22; forgetBias=true is "
    "forget=1; rnn is SimpleRecurrentLayer",
)

COREML_MIL = Convention(
    name="coreml_mil",
    source="CoreML, coremltools/converters/mil/mil/ops/defs/iOS15/recurrent.py",
    activations=Activations(("sigmoid", "any"), ("tanh", "any")),
    forms={
        "gru": (
            Form(
                {"reset": ("after",), "update": ("keep",), "biases": ("one", "none")},
                (rows("weight_ih", "W", "rnz"), rows("weight_hh", "U", "rnz"), vector("bias", "b", "rnz")),
            ),
        ),
        "lstm": (
            Form(
                {"biases": ("one", "none"), "peephole": ("no", "yes"), "projection": ("no",), "forget": ("0",)},
                (
                    rows("weight_ih", "W", "ifog"),
                    rows("weight_hh", "U", "ifog"),
                    vector("bias", "b", "ifog"),
                    vector("peephole", "p", "ifo"),
                ),
            ),
        ),
        "rnn": (
            Form(
                {"biases": ("one", "none")},
                (Packed("weight_ih", ("W",)), Packed("weight_hh", ("U",)), Packed("bias", ("b",))),
            ),
        ),
    },
    letters={"n": "o", "g": "z", "": "h"},
    weights={"W": "W_i{}", "U": "W_h{}", "b": "b_i{}"},
    notes="the candidate's recurrent bias stands outside r*(), so that all biases are one; "
    "iOS18 adds reset_after (default False) and input_bias",
)

COREML = (COREML_NN, COREML_MIL)
