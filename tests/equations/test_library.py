"""Cells by name: options, their spelling, and `.cell` files."""

import os
from itertools import product
from pathlib import Path

import pytest

from grusym.equations.library import BUILT_IN, cell, options_of
from grusym.errors import CellError, InputError

CELLS = Path(__file__).parents[1] / "cells"
TEXT = "decay(h[k]) -> h'[k]  axes k: H\n    h'[k] = w[k] h[k]\n"
KNOWN = f"built in are {', '.join(BUILT_IN)}, and the path of a .cell file is taken too"
EVERY = [
    (name, dict(zip(options_of(name), values, strict=True)))
    for name in BUILT_IN
    for values in product(*options_of(name).values())
]


@pytest.mark.parametrize(("name", "options"), EVERY)
def test_every_spelling_leads_to_the_same_cell(name, options):
    built = cell(name, **options)
    assert built == cell(f"{name}:{','.join(map('='.join, options.items()))}") == cell(built.spelling)
    assert dict(built.options).items() <= options.items()
    assert built.symbol.isidentifier()


def test_defaults_are_left_out_of_the_names():
    assert (cell("gru").spelling, cell("gru").symbol) == ("gru", "gru")
    other = cell("gru", update="write", reset="before")
    assert (other.spelling, other.symbol) == ("gru:reset=before,update=write", "gru_reset_before_update_write")


def test_options_reach_the_equations():
    assert {"b_r", "c_r"}.intersection(cell("gru", biases="one").tensors) == {"b_r"}
    assert str(cell("gru", update="write").equations[-1].value) == "(1 - z[i])*h[i] + n[i]*z[i]"
    assert len(cell("lstm", biases="none").parameters) == 8
    assert "relu" in str(cell("rnn", activation="relu").equations[0])


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        (
            "gnu",
            {},
            f"unknown cell 'gnu'; {KNOWN}",
        ),
        ("", {}, f"unknown cell ''; {KNOWN}"),
        (
            "gru",
            {"rest": "after"},
            "gru has no option 'rest'; it has reset, update, biases, and as every cell zoneout and mask",
        ),
        ("gru", {"reset": "never"}, "gru: reset=never is unknown; reset is one of after, before"),
        ("gru:reset", {}, "cannot read the option 'reset' in 'gru:reset'; write each once, as in gru:reset=before"),
        (
            "gru:reset=after,reset=before",
            {},
            "cannot read the option 'reset=before' in 'gru:reset=after,reset=before'; write each once, as in "
            "gru:reset=before",
        ),
        (
            "gru:reset=after",
            {"reset": "after"},
            "cannot read the option 'reset=after' in 'gru:reset=after'; write each once, as in gru:reset=before",
        ),
        (
            "my.cell",
            {"reset": "after"},
            "a .cell file takes no options but zoneout and mask, and reset was given for my.cell",
        ),
        (
            "my.cell:reset=after,mask=zero",
            {},
            "a .cell file takes no options but zoneout and mask, and reset was given for my.cell",
        ),
        ("gru:mask=one", {}, "gru: mask=one is unknown; mask is one of none, zero, hold"),
        (
            "lstm:zoneout=train_m",
            {},
            "lstm: zoneout=train_m is unknown; zoneout is one of none, train, train_h, train_c, inference, "
            "inference_h, inference_c",
        ),
        ("no/such.cell", {}, "cannot read the cell file no/such.cell: No such file or directory"),
    ],
)
def test_what_is_unknown_is_refused(name, options, message):
    with pytest.raises(InputError) as caught:
        cell(name, **options)
    assert str(caught.value) == message


@pytest.mark.parametrize("content", [TEXT, "\ufeff" + TEXT, TEXT.replace("\n", "\r\n"), TEXT.rstrip()])
def test_a_file_is_read_whatever_editor_wrote_it(tmp_path, content):
    path = tmp_path / "decay.cell"
    path.write_bytes(content.encode())
    assert str(cell(str(path)).equations[0]) == "h'[k] = h[k]*w[k]"


def test_an_error_in_a_file_names_file_line_and_column(tmp_path):
    path = tmp_path / "decay.cell"
    path.write_text(TEXT.replace("w[k]", "w[q]"))
    with pytest.raises(CellError) as caught:
        cell(str(path))
    assert str(caught.value) == (
        f"{path}:2:15: index q has no axis; add it to the axes clause, as in 'q: H'\n"
        "    h'[k] = w[q] h[k]\n"
        "              ^"
    )


def test_a_file_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "x.cell"
    path.write_bytes(b"f\xff")
    with pytest.raises(InputError) as caught:
        cell(str(path))
    assert str(caught.value) == f"{path} is not UTF-8 text: invalid start byte at byte 1"
    path.write_bytes(b" " * 1_000_001)
    with pytest.raises(InputError) as caught:
        cell(str(path))
    assert str(caught.value) == f"{path} is larger than 1000000 bytes; that is no cell"
    (tmp_path / "folder.cell").mkdir()
    with pytest.raises(InputError, match=r"cannot read the cell file .*folder\.cell: Is a directory"):
        cell(str(tmp_path / "folder.cell"))
    with pytest.raises(InputError, match="cannot read the cell file"):
        cell("\0.cell")


def test_what_would_be_read_for_ever_is_refused(tmp_path):
    zeros, pipe = tmp_path / "zeros.cell", tmp_path / "pipe.cell"
    zeros.symlink_to("/dev/zero")
    os.mkfifo(pipe)
    for path in (zeros, pipe):
        with pytest.raises(InputError, match=f"^{path} is a device or a pipe; pass the path of a file$"):
            cell(str(path))


@pytest.mark.parametrize(
    "spelling", ["lstm:peephole=yes,zoneout=train_c,mask=hold", f"{CELLS / 'conv.cell'}:mask=zero"]
)
def test_options_of_every_cell_are_spelt_and_named(spelling):
    built, (name, _, settings) = cell(spelling), Path(spelling).name.partition(":")
    assert built.spelling == f"{name.removesuffix('.cell')}:{settings}"
    assert built.symbol.isidentifier()
    assert built == cell(spelling.partition(":")[0], **dict(setting.split("=") for setting in settings.split(",")))


def test_options_of_every_cell_apply_in_one_order():
    """Whatever the order in which they are written: a mask goes around zoneout."""
    assert cell("gru:mask=zero,zoneout=train") == cell("gru:zoneout=train,mask=zero")
    assert cell("gru:zoneout=none,mask=none") == cell("gru")


@pytest.mark.parametrize("path", sorted(CELLS.glob("*.cell")), ids=lambda path: path.stem)
def test_the_cells_of_the_tests_are_cells(path):
    assert cell(str(path)).name == path.stem
