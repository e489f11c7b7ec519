"""Cells whose documents are tested: every built-in variant, and cells of a user's own with awkward names and forms."""

from grusym.equations.cell import Cell
from grusym.equations.library import BUILT_IN, cell
from tests.variants import variants

CONV = """conv(x[d,p], h[c,p]) -> h'[c,p]
 axes d: D  c,e: C  p: P  u: K
 parameters W[c,d,u], U[c,e,u], b[c]
 h'[c,p] = tanh(W[c,d,u] x[d,p+u-1] + U[c,e,u] h[e,p+u-1] + b[c])"""

ODD = """odd(x[d,q], h[c,p], g_2[k]) -> h'[c,p], g_2'[k], out[p]
 axes d: D  c,e: C  p: P  u: K  q: Q  k,l: M
 parameters W[c,d,u], A[k,l], alpha, b[c], W2[k,l], W__x[k], gamma_h[k], in_scale[k]
 s1[c,p] = tanh(W[c,d,u] x[d,2*p+u] + b[c] + h[c,p])
 h'[c,p] = alpha s1[c,p] + A[k,k] + abs(h[c,p-1]) / (2 + h[c,p]^2)
 m[k] = max(W2[k,l] g_2[l], min(gamma_h[k], 1/2)) + sqrt(exp(W__x[k]) + M) - softplus(in_scale[k])^2
 g_2'[k] = exp(-m[k]) + erf(m[k]) + A[l,k] A[l,k] + relu(g_2[k] - m[k]/M) + A[k,l] W2[l,k]
 out[p] = h'[c,p] h[c,p]"""

LONG = """very_long_name(x[j], state_one[k], state_two[k], s[k]) -> state_one'[i], state_two'[i], s'[i]
 axes j: I  i,k: H
 gate_a[i] = sigmoid(W_gate_a[i,j] x[j] + U_gate_a[i,k] state_one[k] + V_gate_a[i,k] state_two[k] +
   S_gate_a[i,k] s[k] + b_gate_a[i] + c_gate_a[i] + peephole_a[i] state_one[i] + peephole_b[i] state_two[i])
 state_two'[i] = gate_a[i] state_two[i] +
   (1 - gate_a[i]) tanh(W_gate_b[i,j] x[j] + U_gate_b[i,k] (gate_a[k] state_one[k] s[k]))
 state_one'[i] = gate_a[i] tanh(state_two'[i]) (1 - s[i]) (1 - state_one[i]) gate_a[i] (state_one[i] + s[i])
 s'[i] = s[i] + 1/H sum[k](state_one'[k] state_two'[k] + x[j] W_z[k,j])"""


BARE = """bare(x[k], h[k]) -> h'[k]
 axes k: H
 h'[k] = 0.9 h[k] + 0.1 x[k]"""


def documented_cells() -> dict[str, Cell]:
    """Every cell whose document is tested, by a name for the test."""
    own = {name: Cell.parse(text) for name, text in (("conv", CONV), ("odd", ODD), ("long", LONG), ("bare", BARE))}
    return {spelling: cell(spelling) for name in BUILT_IN for spelling in variants(name)} | own
