"""Which Python name everything in a generated module goes by."""

import keyword
from collections.abc import Iterable

from grusym.equations.names import fresh

# What the text of a module calls by name.
TAKEN = frozenset(
    "np math params saved saving grads forward backward sigmoid erf gather scatter_add inside sizes check name "
    "range reversed float tuple zip ValueError".split()
)


def python_names(words: Iterable[str]) -> dict[str, str]:
    """A name for every word: the word itself, unless that means something else in the module or in Python."""
    names: dict[str, str] = {}
    taken = set(TAKEN)
    for word in dict.fromkeys(words):
        refused = taken | ({word} if keyword.iskeyword(word) or keyword.issoftkeyword(word) else set())
        names[word] = fresh((word, f"{word}_"), refused)
        taken.add(names[word])
    return names
