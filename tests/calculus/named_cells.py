"""The cells that calculus is tested on: the built-in ones, those in tests/cells, and one for each thing to go wrong."""

from functools import cache
from pathlib import Path

from grusym.equations.cell import Cell
from grusym.equations.library import BUILT_IN, cell
from tests.variants import variants

FOLDER = Path(__file__).parents[1] / "cells"
HEAD = "f(x[j], h[k]) -> h'[i]  axes j: I  i, k, l: H\n"
CONV = "f(x[d,p], h[c,p]) -> h'[c,p]  axes d: D  c,e: C  p: P  u: K\n parameters W[c,d,u], U[c,e,u]\n"
TEXTS = {
    "strided": "f(x[d,p], h[q]) -> h'[q]  axes d: D p: P q: Q u: K\n h'[q] = tanh(w[d,u] x[d,2q+u] + h[q])",
    "scattered": "f(x[p], h[q]) -> h'[q]  axes p: P q: Q\n h'[q] = tanh(w[q] x[2q-1] + h[q] x[3-q])",
    "trace": HEAD + "h'[i] = tanh(W[i,j] x[j] + A[k,k] h[i] + A[i,k] h[k] + A[k,i] h[k])",
    "one tensor, different indices": HEAD + "h'[i] = tanh(h[i] h[k] U[i,k] + h[k] h[k] + W[i,j] x[j] h[l] V[l,k] h[k])",
    "reductions": HEAD
    + """m = sum[k](h[k]) / H
        v = sum[k]((h[k] - m)^2) / H
        h'[i] = g[i] (h[i] - m) / sqrt(v + 1/1000) + W[i,j] x[j] / (1 + v)""",
    "scalar parameters": HEAD + "h'[i] = sigmoid(zeta) h[i] + (sigmoid(nu) (1 - h[i])) tanh(W[i,j] x[j]) + zeta^2/nu^2",
    "scalar state": "f(x[j], s) -> s'  axes j: I\n s' = tanh(s + w[j] x[j]) + (s^2)^(1/2)",
    "explicit outputs": """f(x[j], h[k]) -> y[o], h'[i]  axes j: I  i, k: H  o: O
        r[i] = W[i,j] x[j]
        y[o] = Q[o,i] h'[i] + q[o] r[k] h[k]
        h'[i] = tanh(r[i] + h[i])""".replace("y[o] = Q[o,i] h'[i]", "y[o] = Q[o,i] r[i]"),
    "update used by an output": """f(x[j], h[k]) -> y[i], h'[i]  axes j: I  i, k: H
        h'[i] = tanh(W[i,j] x[j] + h[i])
        y[i] = h'[i] h'[i] + U[i,k] h'[k]""",
    "used many times": HEAD + "r[i] = W[i,j] x[j]\n h'[i] = r[i]^3 + r[i] tanh(r[i]) + U[i,k] r[k] + r[k] r[k] h[i]",
    "shifts of products": CONV
    + """r[c,p] = sigmoid(W[c,d,u] x[d,p+u-1])
        h'[c,p] = tanh(U[c,e,u] r[e,p+u-1] h[e,p+u-1]) + h[c,p]""",
    "shifts of products, strided": CONV
    + """r[c,p] = sigmoid(W[c,d,u] x[d,p+u-1])
        h'[c,p] = tanh(U[c,e,u] r[e,2p-u] h[e,2p-u]) + h[c,p]""",
    "product of strided inputs": """f(x[p], m[p], h[q]) -> h'[q]  axes p: P q: Q u: K
        h'[q] = tanh(w[u] x[2q+u] m[2q+u] + h[q])""",
    "shift outside a sum": HEAD + "h'[i] = h[i+1] h[i] tanh(h[H-1-i] + h[2i]) + W[i,j] x[j] h[0]",
    "a value spread along an axis": HEAD
    + """a[l,k] = tanh(h[k])
        b[i] = tanh(h[i]) + W[i,j] x[j]
        h'[i] = b[i] + U[i,k] tanh(h[k]) a[k,i]""",
    "a product in another order": CONV
    + """r[c,p] = sigmoid(W[c,d,u] x[d,p+u-1])
        m[p,e] = r[e,p] h[e,p]
        h'[c,p] = U[c,e,u] r[e,p+u-1] h[e,p+u-1] + m[p,c]""",
    "a product spread along an axis": HEAD
    + """r[i] = W[i,j] x[j]
        m[l,k] = r[k] h[k]
        h'[i] = U[i,k] r[k] h[k] + m[i,i]""",
    "clashing names": """f(x[j], a[k]) -> a'[i]  axes j: I  i, k: H
        n[i] = tanh(W[i,j] x[j] + U[i,k] a[k])
        next[i] = tanh(n[i] + 1)
        a'[i] = n[i] next[i] + a[i]""",
    "kinks": HEAD + "h'[i] = relu(W[i,j] x[j]) + abs(h[i]) + max(h[i], 0) min(h[i], x[j] v[j]) + max(h[i], h[i])",
    "constants": HEAD + "h'[i] = tanh(1) h[i] + exp(1) log(2) + 2^(1/2) x[j] w[j] + H^(1/2) + sqrt(3) + sigmoid(h[i])",
    "equal values twice": HEAD
    + """r[i] = tanh(U[i,k] h[k])
        s[i] = tanh(U[i,k] h[k])
        h'[i] = r[i] s[i] + W[i,j] x[j]""",
    "indices as numbers": HEAD
    + """r[l] = (l + 1) h[l]
        s[i] = w[l] h[i+l-1] (i - l)^2 + w[k] r[i-k+1] i
        h'[i] = tanh(W[i,j] x[j] j + U[i,l] r[l] l + s[i] max(i, h[i])) + sum[k]((i - k)^2 h[k] h[i]) / (i + 1)""",
    "axis of one letter": "f(x[j], h[k]) -> h'[k]  axes j: I  k: H\n h'[k] = h[k] A[k,k] + sum[j](x[j]) A[k,k]^2",
}
BUILT = [spelling for name in BUILT_IN for spelling in variants(name)]
FILES = sorted(path.stem for path in FOLDER.glob("*.cell"))
ALL = [*BUILT, *FILES, *TEXTS]


@cache
def cell_named(name: str) -> Cell:
    if name in TEXTS:
        return Cell.parse(TEXTS[name], source=name)
    return cell(str(FOLDER / f"{name}.cell") if name in FILES else name)
