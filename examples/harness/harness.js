// A GRU (PyTorch's) and its gradients that grusym can judge: grusym check --cmd 'node harness.js' --dtype float64
// One request a line on stdin, one answer a line on stdout.
"use strict";
const sigmoid = (a) => 1 / (1 + Math.exp(-a));

// Your code here. Arrays are flat: x (T,B,I), h0 (B,H), weight_ih (3H,I), weight_hh (3H,H), biases (3H); gates r, z, n.
function forward({ T, B, I, H }, { x, h0, weight_ih, weight_hh, bias_ih, bias_hh }) {
  const y = new Array(T * B * H), saved = [];
  for (let t = 0; t < T; t++)
    for (let b = 0; b < B; b++) {
      const x_t = x.slice((t * B + b) * I, (t * B + b + 1) * I);
      const h = t ? y.slice(((t - 1) * B + b) * H, ((t - 1) * B + b + 1) * H) : h0.slice(b * H, (b + 1) * H);
      const a = bias_ih.map((bias, i) => x_t.reduce((sum, v, j) => sum + weight_ih[i * I + j] * v, bias));
      const u = bias_hh.map((bias, i) => h.reduce((sum, v, k) => sum + weight_hh[i * H + k] * v, bias));
      for (let i = 0; i < H; i++) {
        const r = sigmoid(a[i] + u[i]), z = sigmoid(a[H + i] + u[H + i]);
        const n = Math.tanh(a[2 * H + i] + r * u[2 * H + i]);
        y[(t * B + b) * H + i] = (1 - z) * n + z * h[i];
        saved.push({ r, z, n, u: u[2 * H + i], x_t, h });
      }
    }
  return { y, h_n: T ? y.slice((T - 1) * B * H) : h0, saved };
}

function gradients(sizes, arrays) {
  const { T, B, I, H } = sizes, { weight_ih, weight_hh, dy, dh_n } = arrays, { saved } = forward(sizes, arrays);
  const out = {};
  for (const name of ["x", "h0", "weight_ih", "weight_hh", "bias_ih", "bias_hh"])
    out["d" + name] = new Array(arrays[name].length).fill(0);
  let dh = dh_n.slice();
  for (let t = T - 1; t >= 0; t--) {
    const before = new Array(B * H).fill(0);
    for (let b = 0; b < B; b++)
      for (let i = 0; i < H; i++) {
        const at = (t * B + b) * H + i, { r, z, n, u, x_t, h } = saved[at], g = dh[b * H + i] + dy[at];
        const dn = g * (1 - z) * (1 - n * n), dz = g * (h[i] - n) * z * (1 - z), dr = dn * u * r * (1 - r);
        before[b * H + i] += g * z;
        [[dr, dr], [dz, dz], [dn, dn * r]].forEach(([da, du], gate) => {
          const row = gate * H + i;
          out.dbias_ih[row] += da;
          out.dbias_hh[row] += du;
          for (let j = 0; j < I; j++) out.dweight_ih[row * I + j] += da * x_t[j];
          for (let j = 0; j < I; j++) out.dx[(t * B + b) * I + j] += da * weight_ih[row * I + j];
          for (let k = 0; k < H; k++) out.dweight_hh[row * H + k] += du * h[k];
          for (let k = 0; k < H; k++) before[b * H + k] += du * weight_hh[row * H + k];
        });
      }
    dh = before;
  }
  return { ...out, dh0: dh };
}

require("readline").createInterface({ input: process.stdin }).on("line", (line) => {
  const { id, op, sizes, arrays } = JSON.parse(line), answers = { forward, gradients };
  if (op === "describe") return console.log(JSON.stringify({ id, gradients: true }));
  const { saved, ...found } = answers[op](sizes, arrays);
  console.log(JSON.stringify({ id, arrays: found }));
});
