"""The command line: `grusym VERB ...`, also `python -m grusym VERB ...`."""

from grusym.cli.program import main

__all__ = ["main"]
