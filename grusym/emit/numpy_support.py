"""The functions that a generated NumPy module brings along, each only where the text calls it."""

import re

SUPPORT = {
    "scatter_add": '''
def scatter_add(array, at, value):
    """array[at(i, j, ...)] += value[i, j, ...]; what falls outside the array is dropped."""
    index = np.broadcast_arrays(*at(*np.indices(value.shape, sparse=True)))
    kept = np.all([inside(i, extent) for i, extent in zip(index, array.shape)], axis=0)
    np.add.at(array, tuple(i[kept] for i in index), value[kept])
''',
    "gather": '''
def gather(array, axis, index):
    """The elements at `index` along an axis, zero where the index leaves it."""
    kept = np.asarray(inside(index, array.shape[axis]))
    kept = kept.reshape(kept.shape + (1,) * (array.ndim - axis - 1))
    return np.where(kept, array.take(index, axis=axis, mode="clip"), 0)
''',
    "inside": '''
def inside(index, extent):
    """Where an index lies on an axis of this extent."""
    return (index >= 0) & (index < extent)
''',
    "sigmoid": '''
def sigmoid(x):
    """1 / (1 + exp(-x)), written so that exp cannot overflow."""
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, e) / (1 + e)
''',
    "erf": '''
def erf(x):
    """The error function, element by element."""
    return np.vectorize(math.erf, otypes=[x.dtype])(x)
''',
    "sizes": '''
def sizes(name, array, symbols):
    """The extents of an array that has the axes `symbols`; ValueError if it has more or fewer."""
    if array.ndim != len(symbols.split(",")):
        raise ValueError(f"{name} has shape {array.shape}, expected ({symbols})")
    return array.shape
''',
    "check": '''
def check(name, array, shape, symbols, dtype):
    """The array, if it has this shape and this floating dtype; ValueError otherwise."""
    if array.shape != shape:
        raise ValueError(f"{name} has shape {array.shape}, expected ({symbols}) = {shape}")
    if array.dtype != dtype or dtype.kind != "f":
        raise ValueError(f"{name} has dtype {array.dtype}, expected a float dtype: {dtype}")
    return array
''',
}


def support(text: str) -> list[str]:
    """The functions that a text calls, and those that these call, in the order above."""
    found: list[str] = []
    for name, function in SUPPORT.items():
        if re.search(rf"(?<![\w.]){name}\(", "".join((text, *found))):
            found.append(function)
    return found
