import pickle

from grusym.errors import CellError, CompilerError, GrusymError

TEXT = "tiny(x[j]) -> h'[i]   axes i: H\n    r[q] = x[j]\n\tz[i]\t= y[i]\n"


def test_a_cell_error_points_at_the_column():
    error = CellError("index q has no axis; add it to the axes clause", TEXT, 2, 7, "mycell.cell")
    assert str(error) == (
        "mycell.cell:2:7: index q has no axis; add it to the axes clause\n"
        "    r[q] = x[j]\n"
        "      ^"
    )  # fmt: skip


def test_the_caret_stands_under_its_column_after_tabs_and_past_the_end():
    assert str(CellError("no y", TEXT, 3, 9)) == "<cell>:3:9: no y\n    z[i]\t= y[i]\n        \t  ^"
    assert str(CellError("expected )", "f(", 1, 3)) == "<cell>:1:3: expected )\n    f(\n      ^"


def test_a_cell_error_says_no_more_than_it_knows():
    assert str(CellError("no update")) == "no update"
    assert str(CellError("no update", source="a.cell")) == "a.cell: no update"
    assert str(CellError("no update", "f\n  g", 2)) == "<cell>:2: no update\n    g"
    assert str(CellError("no update", "f", 9, 9)) == "<cell>:9:9: no update"


def test_an_excerpt_of_a_long_line_is_about_the_column():
    line = "  " + "h[i] + " * 40 + "q[i]"
    column = line.index("q") + 1
    *_, shown, caret = str(CellError("unknown", line, 1, column)).splitlines()
    assert len(shown) < 120
    assert shown.startswith("    ...")
    assert shown[caret.index("^") :] == "q[i]"
    *_, shown, caret = str(CellError("unknown", line, 1, 3)).splitlines()
    assert shown.endswith("...")
    assert shown[caret.index("^")] == "h"


def test_an_empty_line_is_not_shown():
    assert str(CellError("no equation", "f\n\n", 3, 1)) == "<cell>:3:1: no equation"


def test_a_compiler_error_keeps_the_command_and_the_end_of_the_output():
    output = "\n".join(f"line {n}" for n in range(100))
    error = CompilerError("cc failed with status 1; see below", ["cc", "-c", "gru.c"], output)
    assert error.command == ("cc", "-c", "gru.c")
    lines = str(error).splitlines()
    assert lines[:3] == ["cc failed with status 1; see below", "  command: cc -c gru.c", "line 80"]
    assert lines[-1] == "line 99"
    assert str(CompilerError("no C compiler found; install gcc or clang, or set CC")) == (
        "no C compiler found; install gcc or clang, or set CC"
    )


def test_errors_survive_the_way_between_processes():
    error = CellError("index q has no axis", TEXT, 2, 7, "mycell.cell")
    copy = pickle.loads(pickle.dumps(error))
    assert isinstance(copy, GrusymError)
    assert str(copy) == str(error)
