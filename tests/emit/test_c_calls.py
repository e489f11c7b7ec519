"""Generated C, called: exact sizes, statuses, threads, and the plain functions beside the packed ones."""

import threading

import numpy as np
import pytest

from grusym.emit.c_kernel import c_kernel, c_sources
from grusym.equations.cell import Cell
from grusym.lower.lowered import lower
from grusym.runtime.compiler import compile_shared
from tests.emit.c_programs import REACH, Functions, kernel_of, program, sizes_for

GUARD = 8
ODD = [(0, 2, 3, 2), (2, 0, 3, 2), (0, 0, 1), (1, 1, 1), (3, 2, 1, 4), (2, 3, 5, 2), (2, 1, 2, 1)]
OK, BAD_SIZE, NULL_POINTER, NO_MEMORY, NO_VALUE = 0, -1, -2, -3, -4
PAIRS = [(name, convention, dtype) for name, convention in REACH for dtype in ("float32", "float64")][::3]


@pytest.fixture(scope="module")
def functions(tmp_path_factory):
    """Compiled kernels, each made once."""
    program("cc")
    made = {}

    def make(name, convention=None, dtype="float64") -> Functions:
        key = (name, convention, dtype)
        if key not in made:
            kernel = kernel_of(*key)
            directory = tmp_path_factory.mktemp("library")
            made[key] = Functions(kernel, compile_shared(c_sources(kernel), directory, f"{kernel.base}.so"))
        return made[key]

    return make


def guarded(array: np.ndarray, pattern: float) -> tuple[np.ndarray, np.ndarray]:
    """The array inside a larger one, between guard zones; both are returned."""
    whole = np.full(array.size + 2 * GUARD, pattern, array.dtype)
    inside = whole[GUARD : GUARD + array.size]
    inside[:] = array
    return inside, whole


@pytest.mark.parametrize("extents", ODD, ids=str)
@pytest.mark.parametrize(("name", "convention", "dtype"), PAIRS)
def test_a_kernel_stays_inside_its_arrays_and_writes_all_of_its_results(functions, name, convention, dtype, extents):
    f = functions(name, convention, dtype)
    sizes = sizes_for(f.kernel, *extents)
    held, whole = {}, {}
    for pattern in (np.nan, -1.25):
        fresh = f.inputs(sizes)
        for arguments in (f.kernel.pack, f.kernel.forward_packed, f.kernel.backward_packed):
            fresh |= f.results(arguments, sizes)
        for array_name, array in fresh.items():
            held[array_name], whole[array_name] = guarded(array, pattern)
        for word, arguments in (
            ("pack", f.kernel.pack),
            ("forward_packed", f.kernel.forward_packed),
            ("backward_packed", f.kernel.backward_packed),
        ):
            before = {a.name: held[a.name].copy() for a in arguments if a.const}
            assert f.call(word, sizes, [held[a.name] for a in arguments]) == OK
            for a in arguments:
                if a.const:
                    np.testing.assert_array_equal(held[a.name], before[a.name], err_msg=f"{a.name} is read only")
                elif a.name != "workspace":
                    assert np.isfinite(held[a.name]).all(), f"{a.name} is not written everywhere"
        for array_name, array in whole.items():
            zones = np.concatenate([array[:GUARD], array[-GUARD:]])
            np.testing.assert_array_equal(zones, np.full(2 * GUARD, pattern), err_msg=f"outside {array_name}")


@pytest.mark.parametrize(("name", "convention"), REACH)
def test_plain_functions_give_the_bits_of_the_packed_ones(functions, name, convention):
    f = functions(name, convention)
    for extents in ODD:
        sizes = sizes_for(f.kernel, *extents)
        given = f.inputs(sizes, seed=1)
        want = f.train(sizes, given)
        for word, arguments in (("forward", f.kernel.forward_plain), ("backward", f.kernel.backward_plain)):
            results = f.results(arguments, sizes)
            assert f.call(word, sizes, [(given | results)[a.name] for a in arguments]) == OK
            for result, array in results.items():
                np.testing.assert_array_equal(array, want[result], err_msg=result)


@pytest.mark.parametrize(("name", "convention"), REACH)
def test_without_saved_the_outputs_are_the_same(functions, name, convention):
    f = functions(name, convention)
    sizes = sizes_for(f.kernel, 3, 2, 3, 2)
    given = f.inputs(sizes)
    given |= f.results(f.kernel.pack, sizes)
    assert f.call("pack", sizes, [given[a.name] for a in f.kernel.pack]) == OK
    arguments = f.kernel.forward_packed
    saving, without = f.results(arguments, sizes), f.results(arguments, sizes)
    assert f.call("forward_packed", sizes, [(given | saving)[a.name] for a in arguments]) == OK
    without["saved"] = None
    assert f.call("forward_packed", sizes, [(given | without)[a.name] for a in arguments]) == OK
    for buffer in f.kernel.forward.buffers:
        if buffer.name in without:
            np.testing.assert_array_equal(without[buffer.name], saving[buffer.name], err_msg=buffer.name)


@pytest.mark.parametrize("word", ["pack", "forward_packed", "backward_packed", "forward", "backward"])
def test_a_null_pointer_is_refused_and_nothing_is_written(functions, word):
    f = functions("lstm")
    sizes = sizes_for(f.kernel, 2, 2, 3, 2)
    kernel = f.kernel
    arguments = {"forward": kernel.forward_plain, "backward": kernel.backward_plain, "pack": kernel.pack}.get(
        word, kernel.forward_packed if word == "forward_packed" else kernel.backward_packed
    )
    given = {name: np.zeros(n) for name, n in f.elements((a for a in arguments if a.const), sizes).items()}
    for missing in arguments:
        results = f.results(arguments, sizes)
        arrays = {**given, **results, missing.name: None}
        want = OK if (word, missing.name) == ("forward_packed", "saved") else NULL_POINTER
        assert f.call(word, sizes, [arrays[a.name] for a in arguments]) == want, missing
        if want == NULL_POINTER:
            assert all(np.isnan(array).all() for array in results.values()), missing


HUGE = 2**62


@pytest.mark.parametrize(
    "sizes",
    [
        (-1, 1, 1, 1),
        (1, -1, 1, 1),
        (1, 1, 0, 1),
        (1, 1, 1, 0),
        (1, 1, 1, -5),
        (HUGE, 1, 1, 1),
        (0, 0, 2**40, 2**40),
        (2**31, 2**31, 1, 1),
        (1, 1, 2**31, 2**31),
        (2**21, 2**21, 2**21, 2**21),
        (0, 2**40, 2**40, 1),
        (2**40, 0, 2**40, 1),
        (2**63 - 1, 2**63 - 1, 2**63 - 1, 2**63 - 1),
        (-(2**63), -(2**63), 1, 1),
    ],
)
def test_sizes_below_the_least_or_beyond_memory_are_refused(functions, sizes):
    f = functions("gru", "torch", "float32")
    for word in ("packed_size", "saved_size", "workspace_size"):
        assert f.count(word, sizes) == BAD_SIZE
    kernel, one = f.kernel, np.zeros(1, np.float32)
    for word, arguments in (
        ("pack", kernel.pack),
        ("forward_packed", kernel.forward_packed),
        ("backward_packed", kernel.backward_packed),
        ("forward", kernel.forward_plain),
        ("backward", kernel.backward_plain),
    ):
        assert f.call(word, sizes, [one] * len(arguments)) == BAD_SIZE


COORDINATES = {(2, 2, 2, 2, 3, 4, 3, 1): OK, (2, 2, 2, 2, 3, 1, 3, 1): NO_VALUE, (2, 2, 2, 2, 1, 4, 3, 1): NO_VALUE,
               (0, 0, 2, 2, 1, 1, 3, 1): NO_VALUE, (2, 2, 2, 2, 1, 1, 0, 1): BAD_SIZE}  # fmt: skip
DIFFERENT = {(1, 1, 3, 2): OK, (1, 1, 2, 2): NO_VALUE, (1, 1, 8, 3): NO_VALUE, (1, 1, 2**20, 2**10): NO_VALUE}
DIFFERENT |= {(1, 1, 2**10, 2**20): OK, (1, 1, 2**30, 1): NO_VALUE, (1, 1, 2**31 + 1, 2**31): BAD_SIZE}


@pytest.mark.parametrize(
    ("name", "cases"), [("coordconvgru", COORDINATES), ("sizes that must differ", DIFFERENT)], ids=["one", "some"]
)
def test_sizes_at_which_the_equations_have_no_value_are_refused_by_a_name_of_their_own(functions, name, cases):
    f = functions(name, None, "float32")
    kernel, one = f.kernel, np.zeros(1, np.float32)
    for sizes, status in cases.items():
        for word in ("packed_size", "saved_size", "workspace_size"):
            count = f.count(word, sizes)
            assert count > 0 if status == OK else count == status, (word, sizes)
        if status == OK:
            continue
        for word, arguments in (
            ("pack", kernel.pack),
            ("forward_packed", kernel.forward_packed),
            ("backward_packed", kernel.backward_packed),
            ("forward", kernel.forward_plain),
            ("backward", kernel.backward_plain),
        ):
            assert f.call(word, sizes, [one] * len(arguments)) == status, (word, sizes)
        assert (one == 0).all()


def test_what_cannot_be_had_is_no_memory(functions):
    f = functions("gru", "torch", "float32")
    sizes = (1, 1, 2**27, 2**27)  # 400 petabytes of weights: a size like any other, but no machine has them
    assert f.count("packed_size", sizes) > 0
    one = np.zeros(1, np.float32)
    assert f.call("forward", sizes, [one] * len(f.kernel.forward_plain)) == NO_MEMORY


def test_the_size_functions_count_the_arrays(functions):
    f = functions("lstm", "torch")
    T, B, I, H = sizes = (5, 3, 4, 2)
    assert f.count("packed_size", sizes) == 4 * H * I + 4 * H * H + 8 * H
    saved = sum(int(np.prod(shape)) for shape in [(T + 1, B, H)] * 2 + [(T, B, H)] * 4)
    assert f.count("saved_size", sizes) >= saved
    assert f.count("workspace_size", sizes) > 0


def test_threads_at_once_give_the_same_bits(functions):
    f = functions("gru", "torch", "float32")
    sizes = [40, 8, 16, 24]
    given = [f.inputs(sizes, seed) for seed in range(2)]
    want = [f.train(sizes, data) for data in given]
    wrong: list[str] = []
    start = threading.Barrier(4)

    def repeat(which: int) -> None:
        start.wait()
        for _ in range(15):
            got = f.train(sizes, given[which])
            wrong.extend(name for name, array in want[which].items() if not np.array_equal(got[name], array))

    threads = [threading.Thread(target=repeat, args=(n % 2,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_relu_max_and_min_keep_nan(tmp_path):
    program("cc")
    cell = Cell.parse("choose(x[i], h[i]) -> h'[i]  axes i: H\n h'[i] = relu(x[i]) + max(h[i], x[i]) + min(x[i], h[i])")
    kernel = c_kernel(lower(cell), "float64", "reference")
    f = Functions(kernel, compile_shared(c_sources(kernel), tmp_path, "choose.so"))
    sizes = (1, 1, 3)
    given = f.inputs(sizes)
    given["x"][:], given["h0"][:] = [np.nan, 1.0, -1.0], [1.0, np.nan, 2.0]
    h_n = f.train(sizes, given)["h_n"]
    np.testing.assert_array_equal(h_n, [np.nan, np.nan, 0 + 2 - 1])
