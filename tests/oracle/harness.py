"""A harness in Python that speaks the protocol, or goes wrong in the way that its first argument names."""

import json
import sys
import time

import numpy as np


def gru(sizes, arrays):
    """PyTorch's GRU in float64."""
    hidden, h = sizes["H"], arrays["h0"]
    y = []
    for x_t in arrays["x"]:
        a = x_t @ arrays["weight_ih"].T + arrays["bias_ih"]
        u = h @ arrays["weight_hh"].T + arrays["bias_hh"]
        gates = 1 / (1 + np.exp(-(a + u)[:, : 2 * hidden]))
        r, z = gates[:, :hidden], gates[:, hidden:]
        h = (1 - z) * np.tanh(a[:, 2 * hidden :] + r * u[:, 2 * hidden :]) + z * h
        y.append(h)
    return {"y": np.array(y), "h_n": h}


def leaky(sizes, arrays):
    """h' = tanh(w x + h)."""
    y, h = [], arrays["h0"]
    for x_t in arrays["x"]:
        h = np.tanh(arrays["w"] * x_t + h)
        y.append(h)
    return {"y": np.array(y), "h_n": h}


def say(text):
    print(text, flush=True)


def main(way):
    for line in sys.stdin:
        request = json.loads(line)
        answer = {"id": request["id"]}
        if request["op"] == "describe":
            match way:
                case "mute":
                    time.sleep(60)
                case "chatty":
                    say("loading the model")
                case "dying":
                    sys.exit("no such device")
                case "refusing":
                    answer["error"] = "only LSTMs here"
                case "fixed":
                    answer["sizes"] = {"I": 2, "H": 3}
                case "oddly fixed":
                    answer["sizes"] = {"I": 2, "T": 3}
            say(json.dumps(answer))
            continue
        arrays = {name: np.reshape(values, request["shapes"][name]) for name, values in request["arrays"].items()}
        if way == "fixed":
            assert (request["sizes"]["I"], request["sizes"]["H"]) == (2, 3)
        found = (leaky if way == "leaky" else gru)(request["sizes"], arrays)
        as_lists = {name: array.tolist() for name, array in found.items()}
        match way:
            case "hexadecimal":
                as_lists["y"] = [value.hex() for value in found["y"].reshape(-1).tolist()]
            case "nan":
                say(f'{{"id": {request["id"]}, "arrays": {{"y": [{", ".join(["-nan"] * found["y"].size)}]}}}}')
                continue
            case "only y":
                del as_lists["h_n"]
            case "hanging":
                time.sleep(60)
            case "crashing":
                sys.exit("out of memory on the device")
            case "talking":
                say("step 1 of 3")
            case "failing":
                as_lists, answer["error"] = None, "shape mismatch"
            case "short":
                as_lists["y"] = as_lists["y"][1:]
            case "wordy":
                as_lists["y"] = "many"
            case "ragged":
                as_lists["y"][0] = as_lists["y"][0][0]
            case "unasked":
                as_lists["attention"] = [1.0]
            case "silent":
                as_lists = {}
            case "stale":
                answer["id"] -= 1
            case "nested":
                say("[" * 100_000)
            case "wrong":
                as_lists["y"][0][0][0] += 1e-9
        if as_lists is not None:
            answer["arrays"] = as_lists
        say(json.dumps(answer))


if __name__ == "__main__":
    main(*sys.argv[1:] or [""])
