"""How papers and textbooks write a GRU: a matrix per gate."""

from grusym.conventions.blocks import Packed, separate
from grusym.conventions.record import Convention, Form

UNPACKED = (*separate("W", "rzn", "W_r W_z W"), *separate("U", "rzn", "U_r U_z U"))


def _paper(name: str, source: str, reset: str, update: str, unverified: str) -> Convention:
    options = {"reset": (reset,), "update": (update,), "biases": ("none",)}
    return Convention(
        name,
        source,
        {"gru": (Form(options, UNPACKED),)},
        letters={"n": "h"},
        unverified=unverified,
        weights={"W_n": "W", "U_n": "U"},
        tensors={"n": "h_tilde"},
    )


THREADS = "read in issue threads only"
CHO_V1 = _paper("cho2014v1", "Cho et al. 2014, arXiv 1406.1078 version 1", "after", "keep", THREADS)
CHO = _paper("cho2014", "Cho et al. 2014, arXiv 1406.1078 version 3", "before", "keep", THREADS)
CHUNG = _paper("chung2014", "Chung et al. 2014, arXiv 1412.3555", "before", "write", "formulas")

SEED = Convention(
    name="seed",
    source="the textbook form",
    forms={
        "gru": (
            Form(
                {"reset": ("before",), "update": ("write",), "biases": ("one", "none")},
                (
                    *(
                        Packed(name, ((f"U_{g}", f"W_{g}"),), "i (g j)")
                        for g, name in zip("rzn", ("W_r", "W_z", "W_h"), strict=True)
                    ),
                    *separate("b", "rzn", "b_r b_z b_h"),
                ),
            ),
        )
    },
    letters={"n": "h"},
    weights={"W": "W_{}x", "U": "W_{}h"},
    tensors={"n": "h_tilde"},
    notes="multiplies [h, x], and [r*h, x] for the candidate",
)

PAPERS = (CHO_V1, CHO, CHUNG, SEED)
