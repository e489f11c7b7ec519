"""What a report looks like in every form: it says the same, it is well-formed, and foreign text does no harm."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree as Xml

import jsonschema
import pytest

import grusym.oracle.report
from grusym.errors import InputError
from grusym.oracle.report import Location
from grusym.oracle.reports.files import check_writable, json_text, write_report
from grusym.oracle.reports.html import html_text
from grusym.oracle.reports.junit import junit_text
from grusym.oracle.reports.plot import axis_for, overview_plot, steps_plot
from grusym.oracle.reports.sarif import sarif_text
from grusym.oracle.reports.text import report_text
from grusym.oracle.reports.wording import printable
from tests.oracle.reports_to_show import CURVE, HOSTILE, REPORTS
from tests.oracle.sarif_schema import LOG

SCHEMA = json.loads(Path(grusym.oracle.report.__file__).with_name("report.schema.json").read_text())
EVERY = pytest.mark.parametrize("name", REPORTS)


def strict(text):
    """JSON without what JSON has not."""

    def refuse(constant):
        raise AssertionError(constant)

    return json.loads(text, parse_constant=refuse)


@EVERY
def test_json_is_as_its_schema_says(name):
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    written = strict(json_text(REPORTS[name]))
    jsonschema.validate(written, SCHEMA, cls=jsonschema.Draft202012Validator)
    assert json_text(REPORTS[name]) == json_text(REPORTS[name])
    assert next(iter(written)) == "verdict"


def test_the_schema_can_refuse():
    for spoil in (
        lambda r: r.update(verdict="fine"),
        lambda r: r.update(error="broken"),
        lambda r: r.pop("reproduce"),
        lambda r: r["checks"][0].pop("worst_ratio"),
        lambda r: r["checks"][0].update(worst_ratio="huge"),
        lambda r: r["checks"][0]["where"].update(step=-2),
    ):
        written = REPORTS["nonconforming"].to_json()
        spoil(written)
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(written, SCHEMA)


def test_json_says_where_and_of_which_case():
    raised, step, gradient = (
        strict(json_text(REPORTS[name]))["checks"][n]
        for name, n in (("raised", 0), ("nonconforming", 1), ("nonconforming", 2))
    )
    assert raised["where"] is None
    assert (step["case"], step["curve_case"]) == (
        "T=1,B=1,I=1,H=1,seed=0,kind=plain",
        "T=3,B=4,I=5,H=6,seed=8,kind=plain",
    )
    assert step["curve"] == {"y": [0.1, 25.0, "inf"]}
    assert gradient["where"]["got"] == "nan"
    assert gradient["where"]["block"] == "dU_z[1, 2]"


def test_the_terminal_report_begins_with_the_verdict_and_says_what_to_do():
    lines = report_text(REPORTS["nonconforming"]).splitlines()
    text = "\n".join(lines)
    assert (
        lines[0] == "nonconforming: mygru:forward does not compute gru as torch has it, in float32: 2 of 3 checks fail"
    )
    assert "diagnosis: reset-before: the reset gate is applied before the matrix" in lines
    assert "  fix: n[i] = r[i] <u[i]>" in lines
    assert "  explains 30 cases, 0.2 of its bound at worst; the next best, gate-order:zrn, misses: 3e+05 times" in text
    assert "  the same as same: no input tells them apart" in lines
    assert lines.index("  more: grusym explain reset-before") < lines.index("  more: grusym explain final-state")
    assert "y[0, 0, 0] at step 0: got 0.25, want 0.5, off by 0.25, bound 0.01" in text
    assert "first bad step 1 in --case T=3,B=4,I=5,H=6,seed=8,kind=plain" in text
    assert "dweight_hh[4, 2] = dU_z[1, 2]: got nan, want 0.5, bound 1e-07" in text
    assert lines[-1] == "to see it again: grusym check 'mygru:forward' --case T=1"
    failing = [line.split()[0] for line in lines if line.startswith("  ") and line[2] != " "]
    assert failing.index("FAIL") < failing.index("pass")


def test_errors_beyond_what_is_expected_are_a_warning_in_every_form():
    lossy, words = REPORTS["lossy"], "y[2, 1, 0] at step 2 is off by 3.2 times what rounding errors are expected to be"
    assert (lossy.verdict, lossy.exit_code) == ("conforms", 0)
    assert f"warning: within its bound, but {words}: look for" in report_text(lossy)
    assert f"Warning: within its bound, but {words}" in Page(html_text(lossy)).words
    (said,) = Xml.fromstring(junit_text(lossy)).iter("system-out")
    assert words in said.text
    (note,) = strict(sarif_text(lossy))["runs"][0]["results"]
    assert (note["ruleId"], note["level"]) == ("forward-step", "note")
    passed, found = strict(json_text(lossy))["checks"]
    assert (passed["warning"], passed["expectation"]) == (False, None)
    assert (found["warning"], found["expectation"]["worst_ratio"]) == (True, 3.25)
    assert found["expectation"]["case"] == "T=3,B=4,I=5,H=6,seed=8,kind=plain"


def test_what_was_not_checked_is_said_once_per_reason():
    assert "  not checked   vjp-x, vjp-weight_ih: no gradients were given\n" in report_text(REPORTS["conforms"])


def test_the_headline_of_every_verdict():
    heads = {name: report_text(one).splitlines()[0] for name, one in REPORTS.items()}
    passes = "mygru:forward computes gru as torch has it, in float32: 1 check passes, 0.12 of its bound at worst"
    assert heads["conforms"] == f"conforms: {passes}"
    assert heads["inconclusive"].endswith("cannot be told: saturation")
    assert heads["error"].startswith("error: cannot import mygru: ")


@EVERY
def test_foreign_text_cannot_write_to_the_terminal(name):
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", report_text(REPORTS[name]))


def test_a_long_message_is_cut():
    assert len(printable("x" * 10_000)) < 500


class Page(HTMLParser):
    """Which tags a page has, with their attributes, and that they are closed."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.ids, self.words = [], [], [], ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.ids += [value for key, value in attrs if key == "id"]
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words += data


@EVERY
def test_the_page_stands_alone_and_is_well_formed(name):
    text = html_text(REPORTS[name])
    page = Page(text)
    assert len(page.ids) == len(set(page.ids))
    assert {tag for tag, _ in page.tags} & {"script", "link", "img", "iframe", "object"} == set()
    assert not [value for _, attrs in page.tags for key, value in attrs.items() if key in ("src", "href", "style")]
    assert "http" not in text
    assert "@import" not in text
    assert "url(" not in text
    for _, attrs in page.tags:
        for name_of in (attrs.get("aria-labelledby") or "").split():
            assert name_of in page.ids
    assert page.words.count(REPORTS[name].verdict) >= 2
    assert "None" not in page.words


def test_the_page_escapes_what_is_foreign():
    text = html_text(REPORTS["raised"])
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert "\x1b" not in text


def test_the_page_shows_diagnosis_first_bad_element_plots_and_command():
    page = Page(html_text(REPORTS["nonconforming"]))
    for words in (
        "n[i] = r[i] <u[i]>",
        "y[0, 0, 0] at step 0",
        "dU_z[1, 2]",
        "grusym check 'mygru:forward' --case T=1",
    ):
        assert words in page.words
    assert page.words.count("grusym explain ") == 2
    assert [attrs["alttext"] for tag, attrs in page.tags if tag == "math"] == ["h_n = h[T-1]"]
    assert "the last is returned:" in page.words
    assert sum(tag == "svg" for tag, _ in page.tags) == 2
    # In the picture of steps two of three points are outside.
    assert sum(tag == "path" and attrs["class"] == "bad" for tag, attrs in page.tags) == 2 + 2
    assert [attrs.get("scope") for tag, attrs in page.tags if tag == "th"] == ["col"] * 4 + ["row"] * 3


@pytest.mark.parametrize("ratios", [(0.0,), (1e-9, 1.0), (5e-324, 1e300), (float("inf"),), (float("nan"), 0.5)])
def test_every_ratio_has_its_place_in_a_picture(ratios):
    axis = axis_for(ratios, 0, 100)
    assert all(0 <= axis.at(ratio) <= 100 for ratio in ratios if ratio == ratio)
    assert 0 < axis.at(1.0) < 100
    for svg in (steps_plot("n", "t", (("y", ratios),)), overview_plot("n", "t", [("a", r) for r in ratios])):
        root = Xml.fromstring(svg)
        marks = [node.get("class") for node in root if node.get("class") in ("ok", "none", "bad")]
        assert marks == ["bad" if not ratio <= 1 else "ok" if ratio else "none" for ratio in ratios]
        numbers = [float(v) for node in root for k, v in node.attrib.items() if k in ("x", "y", "cx", "cy", "x1", "y2")]
        texts = ["".join(node.itertext()) for node in root]
        assert ("∞" in texts) == any(not ratio < float("inf") for ratio in ratios)
        assert all(number == number and -50 <= number <= 800 for number in numbers)


def test_lines_of_several_tensors_bear_their_names():
    curves = (("h", (0.1, 0.2)), ("c", (0.1, 0.2)), ("<y>", (0.3, 5.0)))
    root = Xml.fromstring(steps_plot("n", "t", curves))
    places = {node.text: float(node.get("y")) for node in root if node.get("text-anchor") == "start"}
    assert set(places) == {"h", "c", "<y>"}
    heights = sorted(places.values())
    assert min(b - a for a, b in pairwise(heights)) >= 12
    assert 0 < heights[0] < heights[-1] <= 200
    single = Xml.fromstring(steps_plot("n", "t", curves[:1]))
    assert [node.text for node in single if node.get("text-anchor") == "start"] == []


def test_the_bound_lies_between_what_is_within_and_what_is_not():
    root = Xml.fromstring(steps_plot("n", "t", CURVE))
    (bound,) = [float(node.get("y1")) for node in root if node.get("class") == "bound"]
    assert [float(node.get("cy")) > bound for node in root if node.get("class") == "ok"] == [True]
    places = [float(node.get("d").split("l")[0].split()[1]) + 5 for node in root if node.get("class") == "bad"]
    assert [place < bound for place in places] == [True, True]


@EVERY
def test_junit_has_a_case_per_check(name):
    report = REPORTS[name]
    root = Xml.fromstring(junit_text(report))
    (suite,) = root
    cases = suite.findall("testcase")
    assert [case.get("name") for case in cases] == [check.id for check in report.checks] or name == "error"
    for tag, key in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
        found = [case for case in cases if case.find(tag) is not None]
        assert len(found) == int(suite.get(key)) == int(root.get(key))
    assert int(suite.get("tests")) == len(cases)
    if name == "nonconforming":
        assert "reset-before" in cases[1].find("failure").text
    assert bool(int(suite.get("failures")) + int(suite.get("errors"))) == bool(report.exit_code)


@EVERY
def test_sarif_has_what_the_standard_requires(name):
    report = REPORTS[name]
    log = strict(sarif_text(report))
    jsonschema.validate(log, LOG, cls=jsonschema.Draft202012Validator)
    (run,) = log["runs"]
    driver = run["tool"]["driver"]
    ids = [rule["id"] for rule in driver["rules"]]
    assert len(ids) == len(set(ids))
    for result in run["results"]:
        assert ids[result["ruleIndex"]] == result["ruleId"]
        assert result["level"] in ("error", "warning", "note")
        assert result["message"]["text"]
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] == (name != "error")
    assert invocation["exitCode"] == report.exit_code
    assert [bool(invocation.get("toolExecutionNotifications"))] == [name == "error"]
    assert bool(run["results"]) == (name not in ("conforms", "error"))


def test_sarif_points_at_the_implementation():
    log = json.loads(sarif_text(REPORTS["nonconforming"]))
    places = [result["locations"][0]["physicalLocation"] for result in log["runs"][0]["results"]]
    artifact = {"uri": "src/my%20gru.py", "uriBaseId": "%SRCROOT%"}
    assert places == [{"artifactLocation": artifact, "region": {"startLine": 12}}] * 4  # two checks, two mistakes


@pytest.mark.parametrize(
    ("location", "uri", "line", "name"),
    [
        (Location("pkg/layers.py", 7, "pkg.layers.MyGRU", "type"), "pkg/layers.py", 7, "pkg.layers.MyGRU"),
        (Location("/elsewhere/my gru.py", 7, "gru.f"), "file:///elsewhere/my%20gru.py", 7, "gru.f"),
        (Location("libgru.so", 0, "gru_forward_f32"), "libgru.so", None, "gru_forward_f32"),
        (Location("/py/site-packages/torch/rnn.py", 9, "torch.rnn.GRU", "type", True), None, None, "torch.rnn.GRU"),
    ],
)
def test_sarif_names_what_lies_in_no_file_of_the_project(location, uri, line, name):
    log = strict(sarif_text(replace(REPORTS["nonconforming"], location=location)))
    jsonschema.validate(log, LOG, cls=jsonschema.Draft202012Validator)
    (place,) = log["runs"][0]["results"][0]["locations"]
    physical = place.get("physicalLocation", {"artifactLocation": {"uri": None}})
    assert (physical["artifactLocation"]["uri"], physical.get("region", {}).get("startLine")) == (uri, line)
    (logical,) = place["logicalLocations"]
    kind = "type" if name.endswith("GRU") else "function"
    assert logical == {"fullyQualifiedName": name, "name": name.rpartition(".")[2], "kind": kind}


def test_files_are_written_whole(tmp_path):
    paths = {form: tmp_path / "deep" / f"report.{form}" for form in ("json", "html", "junit", "sarif")}
    check_writable(paths)
    assert not (tmp_path / "deep").exists()
    assert write_report(REPORTS["raised"], paths | {"json": Path("-")}) == [
        paths[form] for form in ("html", "junit", "sarif")
    ]
    assert sorted(path.name for path in (tmp_path / "deep").iterdir()) == [
        "report.html",
        "report.junit",
        "report.sarif",
    ]


def test_what_cannot_be_written_is_refused_before_anything_is_judged(tmp_path):
    (tmp_path / "file").write_text("kept")
    with pytest.raises(InputError, match=r"--html .*: it is a directory; add the name of a file to it$"):
        check_writable({"html": tmp_path})
    with pytest.raises(InputError, match=r"--json .*file is a file, not a directory; choose another path$"):
        check_writable({"json": tmp_path / "file" / "r.json"})
    with pytest.raises(InputError, match=r"^--json and --html both name .*; give each a file of its own$"):
        check_writable({"json": tmp_path / "r", "html": tmp_path / "r"})
    with pytest.raises(InputError, match=r"--sarif .*"):
        check_writable({"sarif": Path("/proc/self/nowhere/r")})


def test_hostile_text_is_hostile():
    assert "\x1b" in HOSTILE
    assert "<script>" in HOSTILE
