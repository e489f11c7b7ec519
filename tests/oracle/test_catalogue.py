"""The catalogue's entries: complete, explained, and found by what is near."""

import re

import pytest

from grusym.errors import InputError
from grusym.oracle.catalogue.library import CATALOGUE, explain

IDS = """
reset-before reset-after update-write update-keep reset-omitted reset-wrong-index recurrent-candidate-bias-missing
recurrent-candidate-bias-outside-reset input-bias-missing recurrent-bias-missing bias-doubled hard-sigmoid-0.2
hard-sigmoid-1/6 candidate-relu candidate-linear candidate-extra-sigmoid blend-stale-state tanh-as-approximation
sigmoid-as-approximation gate-order bias-gate-order input-transposed recurrent-transposed input-reshaped
recurrent-reshaped weights-bits-truncated state-not-carried initial-state-ignored initial-state-uninitialised
sequence-reversed reverse-output-not-flipped reverse-starts-in-padding lengths-ignored padded-output-not-zero
final-state-from-padding reverse-final-state-from-last directions-share-weights direction-interleave
batch-first-confused batch-permuted scratch-shared-across-batch empty-sequence zoneout-mask-frozen
parallel-scan-initial-state grad-direct-path-polarity grad-carry-missing grad-final-state-ignored grad-own-unit-only
grad-recurrent-shifted-state grad-reset-path-missing grad-candidate-reset-missing grad-tanh-derivative
grad-sigmoid-derivative grad-batch-not-summed grad-batch-mean grad-time-last-only grad-accumulates grad-overwrites
grad-frozen-parameters-cut-state grad-saved-buffer-stale grad-layer-input input-mutated out-of-bounds-write
nondeterministic nan-on-saturation not-reentrant depends-on-alignment crash out-of-bounds-read output-not-written
error-status output-malformed
""".split()


def test_the_ids_are_public_and_stable():
    assert list(CATALOGUE) == IDS


@pytest.mark.parametrize("id_", IDS)
def test_an_entry_says_what_it_is_how_it_shows_and_how_to_mend_it(id_):
    text = explain(id_)
    for heading in ("What it is", "How it shows", "Mend it"):
        assert re.search(rf"^{heading} +\S.{{8,}}$", text, re.MULTILINE), text
    assert text.startswith(f"{id_}: ")


def test_a_parametrised_id_is_explained_as_such():
    assert explain("gate-order:zrn").startswith("gate-order:zrn: the gate blocks are read in another order, as zrn")


@pytest.mark.parametrize(
    ("id_", "near"),
    [("reset-befor", "reset-before"), ("grad-mean", "grad-batch-mean"), ("reset-before:x", "reset-before")],
)
def test_an_unknown_id_names_those_that_are_near(id_, near):
    with pytest.raises(InputError, match=rf"the catalogue has no entry '{id_}'; did you mean .*{near}"):
        explain(id_)


def test_an_id_near_to_none_lists_them_all():
    with pytest.raises(InputError, match="known are reset-before, reset-after"):
        explain("qqqq")
