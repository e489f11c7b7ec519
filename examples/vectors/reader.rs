// Reads a .bin file of grusym vectors and judges a GRU in PyTorch's packing: rustc -O --edition 2021 reader.rs && ./reader gru_torch.bin
use std::collections::HashMap;

struct Array { bytes: usize, shape: Vec<usize>, values: Vec<f64> }

struct Reader { data: Vec<u8>, at: usize }

impl Reader {
    fn take(&mut self, count: usize) -> &[u8] {
        self.at += count;
        &self.data[self.at - count..self.at]
    }
    fn u32(&mut self) -> usize { u32::from_le_bytes(self.take(4).try_into().unwrap()) as usize }
    fn text(&mut self) -> String { let n = self.u32(); String::from_utf8(self.take(n).to_vec()).unwrap() }
    fn array(&mut self) -> (String, Array) {
        let (name, bytes, axes) = (self.text(), self.u32(), self.u32());
        let shape: Vec<usize> = (0..axes).map(|_| self.u32()).collect();
        let values = (0..shape.iter().product()).map(|_| {
            let raw = self.take(bytes).to_vec();
            if bytes == 4 { f32::from_le_bytes(raw.try_into().unwrap()) as f64 } else { f64::from_le_bytes(raw.try_into().unwrap()) }
        }).collect();
        (name, Array { bytes, shape, values })
    }
}

fn sigmoid(a: f64) -> f64 { 1.0 / (1.0 + (-a).exp()) }
fn dot(w: &[f64], v: &[f64]) -> f64 { w.iter().zip(v).map(|(a, b)| a * b).sum() }

fn main() {
    let path = std::env::args().nth(1).expect("pass a .bin file of vectors");
    let mut reader = Reader { data: std::fs::read(path).expect("cannot read it"), at: 0 };
    assert_eq!(reader.take(4), b"GRUV", "not a file of vectors");
    assert_eq!(reader.u32(), 1, "another version");
    for _ in 0..reader.u32() {
        let (name, _cell, _convention, count) = (reader.text(), reader.text(), reader.text(), reader.u32());
        let all: HashMap<String, Array> = (0..count).map(|_| reader.array()).collect();
        let (x, h0, y) = (&all["x"], &all["h0"], &all["=y"]);
        let (wi, wh, bi, bh) = (&all["weight_ih"].values, &all["weight_hh"].values, &all["bias_ih"].values, &all["bias_hh"].values);
        let bound = &all[if y.bytes == 4 { "<fp32:y" } else { "<fp64:y" }].values;
        let (steps, batch, width, hidden) = (x.shape[0], x.shape[1], x.shape[2], h0.shape[1]);
        let mut worst: f64 = 0.0;
        for b in 0..batch {
            let mut h = h0.values[b * hidden..(b + 1) * hidden].to_vec();
            for t in 0..steps {
                let x_t = &x.values[(t * batch + b) * width..][..width];
                let next: Vec<f64> = (0..hidden).map(|i| {
                    let a = |g: usize| dot(&wi[(g * hidden + i) * width..][..width], x_t) + bi[g * hidden + i];
                    let c = |g: usize| dot(&wh[(g * hidden + i) * hidden..][..hidden], &h) + bh[g * hidden + i];
                    let (r, z) = (sigmoid(a(0) + c(0)), sigmoid(a(1) + c(1)));
                    (1.0 - z) * (a(2) + r * c(2)).tanh() + z * h[i]
                }).collect();
                for (i, value) in next.iter().enumerate() {
                    let at = (t * batch + b) * hidden + i;
                    let found = if y.bytes == 4 { *value as f32 as f64 } else { *value };
                    worst = worst.max((found - y.values[at]).abs() / bound[at]);
                }
                h = next;
            }
        }
        println!("{name}: {worst:.3} of the bound");
        assert!(worst <= 1.0, "{name} is wrong");
    }
}
