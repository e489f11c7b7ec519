"""The forms of a built-in cell that tests go over."""

from itertools import product

from grusym.equations.library import options_of

MOST = 6


def variants(name: str) -> list[str]:
    """Spellings of a cell: every combination of the GRU's options, and of another cell's where there are few.

    Else each value of each option by itself, and the last value of all together.
    """
    options = options_of(name)
    combinations = list(product(*options.values()))
    if name != "gru" and len(combinations) > MOST:
        first = [values[0] for values in options.values()]
        single = [
            (*first[:n], value, *first[n + 1 :]) for n, values in enumerate(options.values()) for value in values[1:]
        ]
        combinations = [tuple(first), *single, tuple(values[-1] for values in options.values())]
    settings = [",".join(map("=".join, zip(options, values, strict=True))) for values in combinations]
    return [f"{name}:{setting}" if setting else name for setting in settings]
