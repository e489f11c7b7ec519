"""Who may import whom in grusym, and how an import is found: in the source, also inside functions."""

import ast
from collections.abc import Iterator
from pathlib import Path

import grusym

EVERYONE = {"errors", "files", "__version__"}

_LOWER = {"equations", "conventions", "calculus"}
_EMIT = _LOWER | {"lower"}
_RUNTIME = _EMIT | {"emit"}
_TOP = _RUNTIME | {"runtime"}

# Room -> the rooms it may import, besides itself and EVERYONE; None: all of them.
ROOMS: dict[str, set[str] | None] = {
    "__init__": set(),
    "__main__": {"cli"},
    "errors": set(),
    "files": set(),
    "equations": set(),
    "conventions": {"equations"},
    "calculus": {"equations"},
    "lower": _LOWER,
    "emit": _EMIT,
    "runtime": _RUNTIME,
    "weights": {"equations", "conventions"},
    # The rules of rounding errors and the functions' values stand once, where they judge anybody's implementation.
    "verify": _TOP | {"oracle.bounds", "oracle.functions", "oracle.profile"},
    "bench": _TOP,
    "demo": _TOP | {"verify"},
    # A judge that shares reverse mode, lowering or emission with the accused proves nothing.
    "oracle": {"equations", "conventions", "calculus.forward"},
    "pytest_plugin": {"oracle"},
    "cli": None,
}


def violations(package: Path) -> Iterator[str]:
    """Every import below the folder `package`, a tree like grusym's, that points the wrong way."""
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package).with_suffix("").parts
        for line, target in sorted(_imports(path, parts, package)):
            if not _allowed(parts[0], target):
                yield f"{path.relative_to(package)}:{line}: {parts[0]} may not import grusym.{target}".rstrip(".")


def _allowed(room: str, target: str) -> bool:
    """Whether `room` may import `target`, a module without its leading `grusym.` (empty: all of grusym)."""
    if room not in ROOMS:
        return False
    rooms = ROOMS[room]
    if rooms is None:
        return True
    return any(target == door or target.startswith(f"{door}.") for door in rooms | EVERYONE | {room})


def _imports(path: Path, parts: tuple[str, ...], package: Path) -> Iterator[tuple[int, str]]:
    """Line and target, without its leading `grusym.`, of every import of ours in a file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        match node:
            case ast.Import(names):
                for alias in names:
                    yield from _ours(node.lineno, alias.name)
            case ast.ImportFrom(module, names, level):
                # In a/b.py and in a/__init__.py alike, one dot is a.
                base = ["grusym", *parts[: len(parts) - level]] if level else []
                source = ".".join([*base, module] if module else base)
                for alias in names:
                    for line, target in _ours(node.lineno, source):
                        yield line, _imported(target, alias.name, package)
            case ast.Call(
                ast.Name("import_module" | "__import__") | ast.Attribute(attr="import_module"),
                [ast.Constant(str(module)), *_],
            ):
                yield from _ours(node.lineno, module)


def _ours(line: int, module: str) -> Iterator[tuple[int, str]]:
    top, _, target = module.partition(".")
    if top == "grusym":
        yield line, target


def _imported(target: str, name: str, package: Path) -> str:
    """What `from grusym.target import name` imports: a submodule, or something `target` itself defines."""
    if not target and name in grusym._LAZY:
        return grusym._LAZY[name].partition(".")[2]
    below = package.joinpath(*target.split("."), name) if target else package / name
    if below.is_dir() or below.with_suffix(".py").is_file() or (not target and name in EVERYONE):
        return f"{target}.{name}".lstrip(".")
    return target
