"""The kernels that are committed under codegen/: which, where, and whether they are what the equations give."""

import difflib
import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from grusym.emit.generate import generate
from grusym.errors import InputError

MANIFEST = "manifest.json"
CELLS = (("gru", "torch"), ("gru", "own"), ("lstm", "torch"), ("lstm", "own"), ("rnn", "torch"), ("rnn", "own"))
# Committed in float32 and their own convention only.
OWN = ("mgu", "mingru", "ligru", "augru", "gru_d", "fastgrnn", "lngru", "convgru", "sepconvgru", "coordconvgru")
DTYPES = ("float32", "float64")
SCHEDULE = "reference"
VECTORS = "vectors/"  # made by `grusym vectors emit --all`


@dataclass(frozen=True)
class Product:
    """One committed folder: a target for a cell under a convention."""

    target: str
    cell: str
    convention: str
    dtypes: tuple[str, ...]

    @property
    def folder(self) -> str:
        return f"{self.target}/{self.cell}_{self.convention}" if self.target != "latex" else f"latex/{self.cell}"


def products() -> tuple[Product, ...]:
    """Everything that codegen/ holds, in the order of the manifest."""
    kernels = [
        Product(target, cell, convention, DTYPES if target == "c" else ("any",))
        for target in ("c", "numpy")
        for cell, convention in CELLS
    ]
    kernels += [
        Product(target, cell, "own", ("float32" if target == "c" else "any",))
        for target in ("c", "numpy")
        for cell in OWN
    ]
    names = (*dict.fromkeys(cell for cell, _ in CELLS), *OWN)
    documents = [Product("latex", cell, "own", ("any",)) for cell in names]
    return (*kernels, *documents)


def committed_files(on_product: Callable[[str], None] = lambda folder: None) -> dict[str, str]:
    """Every file of codegen/ by its path there, the manifest with their hashes last."""
    files: dict[str, str] = {}
    entries = []
    for product in products():
        on_product(product.folder)
        names = []
        for dtype in product.dtypes:
            made = generate(
                product.cell,
                target=product.target,
                dtype="float32" if dtype == "any" else dtype,
                convention=product.convention,
                schedule=SCHEDULE,
            )
            for name, text in made.files.items():
                path = f"{product.folder}/{dtype}/{name}" if len(product.dtypes) > 1 else f"{product.folder}/{name}"
                files[path] = text
                names.append(path)
        entries.append(
            {
                "cell": made.cell.spelling,
                "target": product.target,
                "convention": product.convention,
                "dtypes": list(product.dtypes),
                "schedule": SCHEDULE,
                "fingerprint": made.fingerprint,
                "files": {path: _digest(files[path]) for path in names},
            }
        )
    files[MANIFEST] = json.dumps({"products": entries}, indent=2) + "\n"
    return files


def differences(files: dict[str, str], directory: Path) -> Iterator[str]:
    """Unified diffs, line by line, from what stands in the directory to these files; none where they are the same."""
    if not directory.is_dir():
        raise InputError(f"there is no directory {directory}; run this in the checkout, or name it with -o")
    for path in sorted({*files, *_present(directory)}):
        there = directory / path
        old = there.read_bytes().decode("utf-8", "replace") if there.is_file() else ""
        yield from difflib.unified_diff(
            old.splitlines(), files.get(path, "").splitlines(), f"committed/{path}", f"generated/{path}", lineterm=""
        )
        if path in files and there.is_file() and old != files[path] and old.splitlines() == files[path].splitlines():
            yield f"committed/{path} differs from generated/{path} in its line ends only"


def stale(files: dict[str, str], directory: Path) -> list[Path]:
    """Files in the directory that none of the products is, of the kinds that products are."""
    return [directory / path for path in sorted(_present(directory)) if path not in files]


def _present(directory: Path) -> set[str]:
    present = {p.relative_to(directory).as_posix() for p in directory.rglob("*") if p.is_file()}
    return {path for path in present if not path.startswith(VECTORS)}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
