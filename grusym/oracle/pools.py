"""Rows of numbers that steps read and leave, in any arithmetic; the last row, which is that of NOTHING, is zero."""

from typing import Any

import numpy as np

from grusym.oracle.wiring import NOTHING


def pool(engine: Any, count: int, shape: tuple[int, ...]) -> Any:
    """So many rows of zeros, and that of NOTHING."""
    return writable(engine.exactly(np.zeros((count + 1, *shape))))


def with_zero(array: Any) -> Any:
    """Rows, and that of NOTHING."""
    return np.concatenate([array, np.zeros((1, *array.shape[1:]))])


def writable(number: Any) -> Any:
    return type(number)(*(np.array(part, dtype=np.float64) for part in vars(number).values()))


def zeros_like(number: Any) -> Any:
    return type(number)(*(np.zeros_like(part) for part in vars(number).values()))


def at(number: Any, rows: Any) -> Any:
    """Rows of a pool."""
    return type(number)(*(np.asarray(part)[rows] for part in vars(number).values()))


def put(rows_of: Any, rows: Any, number: Any) -> None:
    """Write rows."""
    for name, part in vars(rows_of).items():
        part[rows] = getattr(number, name)


def add(rows_of: Any, rows: Any, number: Any) -> None:
    """Add to rows, of which one may be named more than once; what goes to NOTHING is lost."""
    for name, part in vars(rows_of).items():
        np.add.at(part, rows, np.broadcast_to(getattr(number, name), (len(rows), *part.shape[1:])))
        part[NOTHING] = 0.0


def lanes_at(slope: Any, samples: Any) -> Any:
    """A Jacobian (L, N, ...) at some of its samples."""
    return type(slope)(*(np.broadcast_to(part, slope.shape)[:, samples] for part in vars(slope).values()))


def samples_first(number: Any, shape: tuple[int, ...]) -> Any:
    """(L, N) as (N, ...)."""
    parts = (np.broadcast_to(part, number.shape).T.reshape(-1, *shape) for part in vars(number).values())
    return type(number)(*parts)


def diagonal(slope: Any) -> Any:
    """A Jacobian of a unit by itself only."""
    lanes, samples = slope.shape[:2]
    own = np.eye(lanes)[:, None, :]

    def kept(part: Any) -> Any:
        flat = np.broadcast_to(part, slope.shape).reshape(lanes, samples, -1)
        return (flat * own if flat.shape[2] == lanes else flat * 0).reshape(slope.shape)

    return type(slope)(*(kept(part) for part in vars(slope).values()))
