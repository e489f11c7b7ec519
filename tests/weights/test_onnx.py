"""ONNX: what PyTorch exports is read, what is written computes the same, and what no cell computes is refused."""

import numpy as np
import pytest

from grusym.errors import InputError
from grusym.weights.convert_file import convert_file
from grusym.weights.onnx import read
from tests.weights.files import load, save, torch_onnx
from tests.weights.graphs import Graph, weights
from tests.weights.stacks import random_params, same_arrays

onnx = pytest.importorskip("onnx")


@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_what_pytorch_exports_comes_back_to_the_same_bits(tmp_path, layers, bidirectional):
    torch = pytest.importorskip("torch")
    module = torch.nn.GRU(3, 4, num_layers=layers, bidirectional=bidirectional)
    torch_onnx(tmp_path / "a.onnx", module, torch.zeros(5, 2, 3))
    done = convert_file(tmp_path / "a.onnx", tmp_path / "b.pt", target="torch")
    assert done.done.cell.spelling == "gru"
    same_arrays(load(tmp_path / "b.pt"), {name: tensor.numpy() for name, tensor in module.state_dict().items()})


@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize("biases", ["two", "none"])
def test_a_model_that_is_written_computes_what_pytorch_does(tmp_path, layers, directions, biases):
    runtime = pytest.importorskip("onnxruntime")
    torch = pytest.importorskip("torch")
    torch.manual_seed(layers)
    module = torch.nn.GRU(3, 4, layers, bidirectional=directions == 2, bias=biases == "two")
    torch.save(module.state_dict(), tmp_path / "a.pt")
    convert_file(tmp_path / "a.pt", tmp_path / "b.onnx")
    onnx.checker.check_model(onnx.load(tmp_path / "b.onnx"), full_check=True)
    session = runtime.InferenceSession(tmp_path / "b.onnx", providers=["CPUExecutionProvider"])
    for steps, batch in ((5, 2), (1, 1)):
        x = torch.randn(steps, batch, 3)
        y, *states = session.run(None, {"x": x.numpy()})
        with torch.no_grad():
            wanted, h_n = module(x)
        # Some tens of roundings per step of values below 1: 2**-24 each.
        np.testing.assert_allclose(y, wanted.numpy(), rtol=0, atol=5e-6)
        np.testing.assert_allclose(np.concatenate(states), h_n.numpy(), rtol=0, atol=5e-6)
    assert [output.name for output in session.get_outputs()] == ["y", *(f"Y_h_l{n}" for n in range(layers))]
    assert [str(size) for size in session.get_inputs()[0].shape] == ["T", "B", "3"]


@pytest.mark.parametrize(("kind", "named"), [("LSTM", {}), ("RNN", {}), ("RNN", {"nonlinearity": "relu"})])
def test_lstm_and_rnn_go_to_a_model_and_back_to_the_same_bits(tmp_path, kind, named):
    runtime = pytest.importorskip("onnxruntime")
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    module = getattr(torch.nn, kind)(3, 4, 2, bidirectional=True, **named)
    torch.save(module.state_dict(), tmp_path / "a.pt")
    cell = f"rnn:activation={named.get('nonlinearity', 'tanh')}" if kind == "RNN" else None
    convert_file(tmp_path / "a.pt", tmp_path / "b.onnx", cell=cell)
    x = torch.randn(5, 2, 3)
    session = runtime.InferenceSession(tmp_path / "b.onnx", providers=["CPUExecutionProvider"])
    with torch.no_grad():
        np.testing.assert_allclose(session.run(["y"], {"x": x.numpy()})[0], module(x)[0].numpy(), rtol=0, atol=5e-6)
    wanted = {name: tensor.numpy() for name, tensor in module.state_dict().items()}
    convert_file(tmp_path / "b.onnx", tmp_path / "c.pt", target="torch")
    same_arrays(load(tmp_path / "c.pt"), wanted)
    torch_onnx(tmp_path / "d.onnx", module, torch.zeros(5, 2, 3))
    convert_file(tmp_path / "d.onnx", tmp_path / "e.pt", target="torch")
    same_arrays(load(tmp_path / "e.pt"), wanted)


def test_reset_before_is_told_to_the_operator(tmp_path):
    """Haiku's form: reset before, the other polarity, one bias; against its equations."""
    runtime = pytest.importorskip("onnxruntime")
    haiku = random_params("haiku", "gru", 1, 1, np.float32)
    convert_file(save(tmp_path / "a.npz", haiku), tmp_path / "b.onnx", "haiku")
    x = np.random.default_rng(1).normal(size=(6, 2, 3)).astype(np.float32)
    session = runtime.InferenceSession(tmp_path / "b.onnx", providers=["CPUExecutionProvider"])
    y, h_n = session.run(None, {"x": x})
    h = np.zeros((2, 3))
    for step, got in zip(x, y, strict=True):
        z, r, a = np.split(step @ haiku["w_i"] + haiku["b"], 3, axis=1)
        u_z, u_r, u_a = np.split(haiku["w_h"], 3, axis=1)
        z, r = 1 / (1 + np.exp(-(z + h @ u_z))), 1 / (1 + np.exp(-(r + h @ u_r)))
        h = (1 - z) * h + z * np.tanh(a + (r * h) @ u_a)
        np.testing.assert_allclose(got, h, rtol=0, atol=5e-6)
    np.testing.assert_array_equal(h_n[0], y[-1])


def test_reset_is_read_off_the_node(tmp_path):
    for value, reset in ((0, "before"), (1, "after"), (None, "before")):
        graph = Graph()
        graph.gru("cell", hidden_size=2, **({} if value is None else {"linear_before_reset": value}))
        assert read(graph.save(tmp_path / "a.onnx")).cell == f"gru:reset={reset}"


def chain(*names: str, **attributes) -> Graph:
    graph, x = Graph(), "x"
    for name in names:
        x = graph.gru(name, x, weights(width=3 if x == "x" else 2), **{"hidden_size": 2, **attributes})
    return graph


def test_layers_are_nodes_that_follow_on_each_other(tmp_path):
    graph = chain("one", "two")
    x = graph.node("Relu", ["two.y"], "other")
    graph.gru("three", x, weights(width=2), hidden_size=2)
    path = graph.save(tmp_path / "a.onnx")
    with pytest.raises(InputError, match=r"has 2 recurrent stacks that do not follow .* with --node: one, two; three$"):
        read(path)
    assert read(path, "one").nodes == read(path, "two").nodes == ("one", "two")
    assert read(path, "three").nodes == ("three",)
    with pytest.raises(InputError, match=r"has no recurrent node called four; it has one, two; three"):
        read(path, "four")


def two_layers(first: dict, second: dict) -> Graph:
    graph = Graph()
    graph.gru("one", hidden_size=2, **first)
    graph.gru("two", "one.y", weights(width=2), hidden_size=2, **second)
    return graph


def test_a_default_that_is_written_out_makes_no_other_layer(tmp_path):
    written = {"linear_before_reset": 0, "activations": ["Sigmoid", "Tanh"]}
    assert read(two_layers({}, written).save(tmp_path / "a.onnx")).nodes == ("one", "two")


@pytest.mark.parametrize("other", [{"linear_before_reset": 1}, {"activations": ["HardSigmoid", "Tanh"]}])
def test_layers_of_another_form_are_no_stack(tmp_path, other):
    for pair in (({}, other), (other, {})):
        with pytest.raises(InputError, match=r"has 2 recurrent stacks that do not follow .* with --node: one; two$"):
            read(two_layers(*pair).save(tmp_path / "a.onnx"))


def test_every_layer_of_a_stack_is_looked_at(tmp_path):
    for pair, name in ((({"clip": 3.0}, {}), "one"), (({}, {"clip": 3.0}), "two")):
        with pytest.raises(InputError, match=f"node {name} has clip=3.0, which no form of gru here computes"):
            read(two_layers(*pair).save(tmp_path / "a.onnx"))


def test_a_node_with_two_followers_ends_its_stack(tmp_path):
    graph = chain("one", "two")
    graph.gru("other", "one.y", weights(width=2), hidden_size=2)
    with pytest.raises(InputError, match=r"--node: one; two; other$"):
        read(graph.save(tmp_path / "a.onnx"))


def test_nodes_without_names_go_by_number(tmp_path):
    assert read(chain("", "").save(tmp_path / "a.onnx"), "GRU_1").nodes == ("GRU_1",)


def test_weights_may_be_constants_of_nodes_and_copies(tmp_path):
    graph = Graph()
    graph.gru("cell", hidden_size=2)
    tensors = {tensor.name: tensor for tensor in graph.constants}
    graph.constants = [tensors["cell.B"], tensors["cell.axes"]]
    made = graph.onnx.helper.make_node
    graph.nodes[:0] = [
        made("Constant", [], ["cell.W"], value=tensors["cell.W"]),
        made("Constant", [], ["first"], value=tensors["cell.R"]),
        made("Identity", ["first"], ["cell.R"]),
    ]
    convert_file(graph.save(tmp_path / "a.onnx"), tmp_path / "b.npz", target="onnx")
    same_arrays(load(tmp_path / "b.npz"), weights())


def test_initial_states_are_left_out_and_said(tmp_path):
    graph = chain("cell")
    graph.nodes[0].input.extend(["", graph.constant(np.ones((1, 1, 2), np.float32), "h0")])
    assert read(graph.save(tmp_path / "a.onnx")).left_out == ("cell initial_h",)


def test_what_runs_backwards_only_has_to_be_asked_for(tmp_path):
    path = chain("cell", direction="reverse").save(tmp_path / "a.onnx")
    with pytest.raises(InputError, match=r"node cell runs backwards only, .*; pass --node cell to take its weights"):
        read(path)
    assert read(path, "cell").direction == "reverse"


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"clip": 3.0}, "node cell has clip=3.0, which no form of gru here computes"),
        (
            {"activations": ["Sigmoid", "Relu"]},
            "node cell has activations=Sigmoid,Relu, and gru here has Sigmoid, Tanh",
        ),
        ({"activations": ["HardSigmoid", "Tanh"]}, "activations=HardSigmoid,Tanh"),
        ({"direction": "sideways"}, "node cell has direction=sideways, not one of forward, reverse, bidirectional"),
        ({"direction": "bidirectional"}, "W of node cell has shape (1, 6, 3), but direction=bidirectional wants 2"),
        (
            {"linear_before_reset": 7},
            "node cell has linear_before_reset=7, and gru here has reset=before or after only",
        ),
        ({"hidden_size": 5}, "R of node cell has shape (1, 6, 2), but hidden_size=5 is given"),
        ({"wonder": 1}, "node cell has wonder=1, which no form of gru here computes"),
    ],
)
def test_what_no_cell_computes_is_refused_by_name(tmp_path, attributes, message):
    graph = chain("cell", **attributes)
    with pytest.raises(InputError) as error:
        read(graph.save(tmp_path / "a.onnx"))
    assert message in str(error.value)


def test_what_changes_nothing_is_no_matter(tmp_path):
    graph = chain("cell", activations=["sigmoid", "TANH"], layout=1, clip=0.0)
    assert read(graph.save(tmp_path / "a.onnx")).cell == "gru:reset=before"


def test_weights_that_are_computed_are_refused(tmp_path):
    graph = Graph()
    graph.gru("cell", hidden_size=2)
    graph.node("Neg", ["cell.W"], "negated")
    graph.nodes[0].input[1] = "negated"
    with pytest.raises(InputError, match=r"^W of node cell is computed in the graph, as negated; fold constants first"):
        read(graph.save(tmp_path / "a.onnx"))


def test_a_model_without_recurrent_nodes_is_refused(tmp_path):
    graph = Graph()
    graph.node("Relu", ["x"], "y")
    with pytest.raises(InputError, match=r"a.onnx has no GRU, LSTM or RNN node in its graph$"):
        read(graph.save(tmp_path / "a.onnx"))


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ({"source": "torch"}, "whose convention is onnx, not torch; leave --from out"),
        ({"prefix": "rnn"}, "--prefix goes with state dicts"),
        ({"cell": "gru:reset=after"}, "holds a gru:reset=before, not a gru:reset=after; leave --cell out"),
        ({"cell": "lstm"}, "holds a gru:reset=before, not a lstm; leave --cell out"),
        ({"cell": "my.cell"}, "no system has a convention for the cell of a file"),
    ],
)
def test_options_that_contradict_the_model_are_refused(tmp_path, named, message):
    path = chain("cell").save(tmp_path / "a.onnx")
    with pytest.raises(InputError) as error:
        convert_file(path, tmp_path / "b.npz", target="keras", **named)
    assert message in str(error.value)
    assert not (tmp_path / "b.npz").exists()


def test_cells_that_onnx_has_not_are_refused(tmp_path):
    given_file = save(tmp_path / "a.npz", random_params("own", "mgu"))
    with pytest.raises(InputError, match=r"convention onnx has no packing for the cell mgu"):
        convert_file(given_file, tmp_path / "b.onnx", cell="mgu:reset=before,update=write")
    assert not (tmp_path / "b.onnx").exists()


def external(tmp_path, location: str, **entries: str):
    """A model whose W is kept in another file."""
    graph = chain("cell")
    tensor = next(t for t in graph.constants if t.name == "cell.W")
    data = tensor.raw_data
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    for key, value in {"location": location, **entries}.items():
        tensor.external_data.add(key=key, value=value)
    (tmp_path / "model").mkdir()
    return graph.save(tmp_path / "model" / "a.onnx"), data


def test_external_data_beside_the_model_is_read(tmp_path):
    path, data = external(tmp_path, "weights.bin", offset="4", length=str(6 * 3 * 4))
    (path.parent / "weights.bin").write_bytes(b"skip" + data + b"more")
    convert_file(path, tmp_path / "b.npz", target="onnx")
    same_arrays(load(tmp_path / "b.npz"), weights())


@pytest.mark.parametrize("location", ["../secret", "/etc/hostname", "link", "sub/../../secret", ""])
def test_external_data_elsewhere_is_not_read(tmp_path, location):
    path, data = external(tmp_path, location)
    (tmp_path / "secret").write_bytes(data)
    (path.parent / "link").symlink_to(tmp_path / "secret")
    with pytest.raises(InputError, match=r"W of node cell is kept in '.*', which is not below the model's directory"):
        convert_file(path, tmp_path / "b.npz", target="onnx")
    assert not (tmp_path / "b.npz").exists()


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"offset": "100"}, "weights.bin has not as many at 100"),
        ({"offset": "-4"}, "has not as many at -4"),
        ({"length": str(10**12)}, "has not as many at 0"),
        ({"offset": "much"}, "invalid literal for int"),
        ({}, "No such file"),
    ],
)
def test_external_data_that_is_not_there_is_told(tmp_path, entries, message):
    path, data = external(tmp_path, "weights.bin", **entries)
    if entries:
        (path.parent / "weights.bin").write_bytes(data)
    with pytest.raises(InputError) as error:
        convert_file(path, tmp_path / "b.npz", target="onnx")
    assert message in str(error.value)
