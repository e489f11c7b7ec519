"""Typesetting the generated LaTeX, where pdflatex is installed."""

import shutil
import subprocess
import tempfile
from pathlib import Path

SECONDS = 60.0
RUNS = 2  # the second knows the references that the first has found


def typeset(latex: str) -> tuple[bytes | None, str]:
    """The PDF of a LaTeX document, or None and why there is none."""
    program = shutil.which("pdflatex")
    if program is None:
        return None, "pdflatex is not installed"
    with tempfile.TemporaryDirectory(prefix="grusym-") as scratch:
        Path(scratch, "document.tex").write_text(latex, encoding="utf-8")
        command = [program, "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "document.tex"]
        for _ in range(RUNS):
            try:
                done = subprocess.run(
                    command,
                    cwd=scratch,
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    encoding="utf-8",
                    errors="replace",
                    timeout=SECONDS,
                )
            except (OSError, subprocess.TimeoutExpired) as error:
                return None, f"pdflatex did not end well: {error}"
            if done.returncode:
                said = [line for line in done.stdout.splitlines() if line.startswith("!")]
                return None, f"pdflatex refused the document: {said[0] if said else 'it did not say why'}"
        pdf = Path(scratch, "document.pdf")
        return (pdf.read_bytes(), "") if pdf.is_file() else (None, "pdflatex made no document")
