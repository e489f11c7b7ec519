"""Fixes as equations on a page: MathML that browsers draw, in which nothing of the text is lost."""

import re
from xml.etree import ElementTree as Xml

import pytest

from grusym.conventions.library import cell_in, layout_of
from grusym.oracle.catalogue.entry import Setting
from grusym.oracle.catalogue.library import CATALOGUE
from grusym.oracle.reports.formula import FUNCTIONS, statements

# What MathML Core has of what is needed: https://www.w3.org/TR/mathml-core/
CORE = {"math", "mrow", "mi", "mn", "mo", "mfrac", "msqrt", "msub", "msup", "msubsup", "munder"}
CHILDREN = {"mfrac": 2, "msub": 2, "msup": 2, "munder": 2, "msubsup": 3}
FORMS = (
    ("gru", "torch"),
    ("gru:reset=before,update=write", None),
    ("gru", "keras"),
    ("lstm", "torch"),
    ("mingru", None),
)


def fixes():
    """Every fix that the catalogue gives for some cells."""
    found = {entry.fix: None for entry in CATALOGUE.values()}
    for cell, convention in FORMS:
        form = cell_in(cell, convention)
        setting = Setting(form, layout_of(form, convention))
        found |= {c.fix: None for entry in CATALOGUE.values() for c in entry.candidates(setting) if c.fix}
    return list(found)


FIXES = fixes()
ARRAYS = {"weight_ih", "weight_hh", "kernel", "recurrent_kernel"}
EQUATIONS = [one for fix in FIXES for one in statements(fix) if one.equation]


def drawn(text):
    """The equation of a text as lines of tags and words."""
    (one,) = statements(text)
    return Xml.fromstring(one.equation)


def spelt(node):
    """An element as text again: x_{a}^{b}, {a}/{b}."""
    inner = [spelt(child) for child in node]
    match node.tag:
        case "msub" | "munder":
            return "{}_{{{}}}".format(*inner)
        case "msup":
            return "{}^{{{}}}".format(*inner)
        case "msubsup":
            return "{}_{{{}}}^{{{}}}".format(*inner)
        case "mfrac":
            return "{{{}}}/{{{}}}".format(*inner)
        case "msqrt":
            return f"sqrt{{{''.join(inner)}}}"
    return (node.text or "") + "".join(inner)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("h'[i] = (1 - z[i]) n[i] + z[i] h[i]", "h_{i}^{′}=(1−z_{i})*n_{i}+z_{i}*h_{i}"),
        ("n[i] = tanh(r[i] (U_n[i,k] h[k] + c_n[i]))", "n_{i}=tanh(r_{i}*(U_{i,k}^{(n)}*h_{k}+c_{i}^{(n)}))"),
        ("s = 1 / (1 + exp(-a))", "s={1}/{1+exp(−a)}"),
        ("a = (-b) c / (d e) - (f - g)", "a={(−b)*c}/{d*e}−(f−g)"),
        ("a = (b + c)^2 d^-1 sqrt(abs(e))", "a=(b+c)^{2}*d^{−1}*sqrt{|e|}"),
        ("dU[i,k] = sum[t,b](da[t,b,i] h[t-1,b,k])", "dU_{i,k}=∑_{t,b}da_{t,b,i}*h_{t−1,b,k}"),
        ("a = sum[i](b[i]) c - sum[i](b[i] + c[i])", "a=(∑_{i}b_{i})*c−∑_{i}(b_{i}+c_{i})"),
        ("sigmoid'(a) = s * (1 - s)", "σ′(a)=s*(1−s)"),
        ("h_n = h0", "h_{n}=h_{0}"),
        ("W_r[i,j] = weight_ih[H+i,j]", "W_{i,j}^{(r)}=weight_ih_{H+i,j}"),
    ],
)
def test_an_equation_is_drawn_as_it_is_written(text, wanted):
    seen = spelt(drawn(text)).replace("\u2062", "*").replace("\u2061", "").replace("\u2063", ",")
    assert seen == wanted


@pytest.mark.parametrize("one", EQUATIONS, ids=lambda one: Xml.fromstring(one.equation).get("alttext"))
def test_equations_of_the_catalogue_are_mathml_of_browsers_and_whole(one):
    root = Xml.fromstring(one.equation)
    for node in root.iter():
        assert node.tag in CORE
        assert len(node) == CHILDREN.get(node.tag, len(node))
        assert bool(node.text) == (node.tag in ("mi", "mn", "mo"))
    shown = "|".join(node.text or "" for node in root.iter()).replace("σ", "sigmoid")
    spoken = re.sub(r"\b(abs|sum)\b|(?<=[a-zA-Z])(?=\d)", " ", root.get("alttext"))
    assert sorted(re.findall(r"[^\W_]+", shown)) == sorted(re.findall(r"[^\W_]+", spoken))


def test_words_are_not_taken_for_products():
    """Side by side means times, so that a sentence without a comma would be a product."""
    known = {"exp", "max", "tanh", "sigmoid", "sum", "abs", "length", *FUNCTIONS, *ARRAYS}
    for one in EQUATIONS:
        for name in re.findall(r"[A-Za-z][A-Za-z0-9_]*'?", Xml.fromstring(one.equation).get("alttext")):
            assert name in known or len(name.rstrip("'").partition("_")[0]) <= 2, name


def test_only_what_is_about_order_and_memory_is_said_in_words():
    words = {e.id for e in CATALOGUE.values() if not any(one.equation for one in statements(e.fix))}
    packing = {"gate-order", "bias-gate-order", "input-reshaped", "recurrent-reshaped", "weights-bits-truncated"}
    order = {"reverse-starts-in-padding", "directions-share-weights", "direction-interleave", "batch-first-confused"}
    assert words - {e.id for e in CATALOGUE.values() if e.group == "behaviour"} == packing | order | {
        "batch-permuted",
        "zoneout-mask-frozen",
        "grad-saved-buffer-stale",
    }
