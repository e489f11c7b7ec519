// A GRU (PyTorch's) that grusym can judge: rustc -O harness.rs; grusym check --cmd ./harness --dtype float64
// One request a line on stdin, one answer a line on stdout. Names come in a fixed order: only numbers need reading.
use std::io::{stdin, BufRead};

fn sigmoid(a: f64) -> f64 {
    1.0 / (1.0 + (-a).exp())
}

// Your code here. `given`: x (T,B,I), h0 (B,H), weight_ih (3H,I), weight_hh (3H,H), biases (3H); gates r, z, n; y (T,B,H).
fn gru(sizes: &[usize], given: &[Vec<f64>]) -> Vec<f64> {
    let [steps, batch, input, hidden] = [sizes[0], sizes[1], sizes[2], sizes[3]];
    let [x, h0, weight_ih, weight_hh, bias_ih, bias_hh] = [0, 1, 2, 3, 4, 5].map(|n| &given[n][..]);
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(p, q)| p * q).sum::<f64>();
    let mut y: Vec<f64> = Vec::new();
    for t in 0..steps {
        for b in 0..batch {
            let row = |n: usize| ((n * batch + b) * hidden)..((n * batch + b + 1) * hidden);
            let h = if t == 0 { h0[row(0)].to_vec() } else { y[row(t - 1)].to_vec() };
            let now = &x[(t * batch + b) * input..(t * batch + b + 1) * input];
            for i in 0..hidden {
                let a = [i, hidden + i, 2 * hidden + i].map(|g| bias_ih[g] + dot(&weight_ih[g * input..(g + 1) * input], now));
                let u = [i, hidden + i, 2 * hidden + i].map(|g| bias_hh[g] + dot(&weight_hh[g * hidden..(g + 1) * hidden], &h));
                let (r, z) = (sigmoid(a[0] + u[0]), sigmoid(a[1] + u[1]));
                let n = (a[2] + r * u[2]).tanh();
                y.push((1.0 - z) * n + z * h[i]);
            }
        }
    }
    y
}

// The numbers of the list that begins after the next bracket, and what comes after it.
fn list(text: &str) -> (Vec<f64>, &str) {
    let (numbers, rest) = text.split_once('[').unwrap().1.split_once(']').unwrap();
    (numbers.split(',').filter_map(|number| number.trim().parse().ok()).collect(), rest)
}

fn main() {
    for line in stdin().lock().lines().map(|line| line.unwrap()) {
        let number = |text: &str| text.trim().parse::<usize>().unwrap();
        let id = number(line.split_once("\"id\":").unwrap().1.split_once(',').unwrap().0);
        if !line.contains("\"op\": \"forward\"") {
            println!("{{\"id\": {id}, \"gradients\": false}}");
            continue;
        }
        let (sizes, mut rest) = line.split_once("\"sizes\": {").unwrap().1.split_once('}').unwrap();
        let sizes: Vec<usize> = sizes.split(',').map(|pair| number(pair.split_once(':').unwrap().1)).collect();
        let mut given = Vec::new();
        for _ in 0..6 {
            let (values, after) = list(rest);
            given.push(values);
            rest = after;
        }
        let y = gru(&sizes, &given);
        let h_n = &y[y.len() - sizes[1] * sizes[3]..];
        println!("{{\"id\": {id}, \"arrays\": {{\"y\": {y:?}, \"h_n\": {h_n:?}}}}}");
    }
}
