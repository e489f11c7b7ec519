// Reads a .json file of grusym vectors and judges a GRU in PyTorch's packing: node reader.js gru_torch.json
const { readFileSync } = require("fs");

// "-0x1.8p+1" is -(1 + 8/16) * 2^1, exactly.
function hexadecimal(text) {
  const [, sign, whole, fraction = "", exponent] = /^(-?)0x([0-9a-f])(?:\.([0-9a-f]+))?p([+-]\d+)$/.exec(text);
  const digits = [...(whole + fraction)].reduce((sum, digit) => sum * 16 + parseInt(digit, 16), 0);
  let power = Number(exponent) - 4 * fraction.length, value = digits;
  for (; power < 0; power++) value /= 2;
  for (; power > 0; power--) value *= 2;
  return sign ? -value : value;
}

const sigmoid = (a) => 1 / (1 + Math.exp(-a));
const row = (array, i, n) => array.values.slice(i * n, (i + 1) * n);
const dot = (w, v) => w.reduce((sum, a, k) => sum + a * v[k], 0);

function gru({ x, h0, weight_ih, weight_hh, bias_ih, bias_hh }) {
  const [T, B, I] = x.shape, H = h0.shape[1], y = [];
  for (let b = 0; b < B; b++) {
    let h = row(h0, b, H);
    for (let t = 0; t < T; t++) {
      const x_t = row(x, t * B + b, I);
      const a = (g, i) => dot(row(weight_ih, g * H + i, I), x_t) + bias_ih.values[g * H + i];
      const c = (g, i) => dot(row(weight_hh, g * H + i, H), h) + bias_hh.values[g * H + i];
      h = h.map((old, i) => {
        const r = sigmoid(a(0, i) + c(0, i)), z = sigmoid(a(1, i) + c(1, i));
        return (1 - z) * Math.tanh(a(2, i) + r * c(2, i)) + z * old;
      });
      h.forEach((value, i) => (y[(t * B + b) * H + i] = value));
    }
  }
  return y;
}

for (const vector of JSON.parse(readFileSync(process.argv[2], "utf8")).vectors) {
  const read = ({ shape, values }) => ({ shape, values: values.map(hexadecimal) });
  const inputs = Object.fromEntries(Object.entries(vector.inputs).map(([name, array]) => [name, read(array)]));
  const wanted = read(vector.expected.y).values, single = vector.dtype === "float32";
  const bound = vector.bounds[single ? "fp32" : "fp64"].y;
  const ratios = gru(inputs).map((value, k) => Math.abs((single ? Math.fround(value) : value) - wanted[k]) / bound[k]);
  const worst = Math.max(...ratios);
  console.log(`${vector.name}: ${worst.toFixed(3)} of the bound`);
  if (!(worst <= 1)) process.exit(1);
}
