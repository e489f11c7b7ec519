"""The command `grusym convert`: weights from file to file."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from grusym.cli.options import JsonOption


def convert(
    given: Annotated[Path, typer.Argument(metavar="IN", help="a file of weights")],
    output: Annotated[Path, typer.Argument(metavar="OUT", help="the file to write")],
    source: Annotated[str | None, typer.Option("--from", metavar="NAME", help="the convention of IN")] = None,
    target: Annotated[str | None, typer.Option("--to", metavar="NAME", help="the convention of OUT")] = None,
    cell: Annotated[str | None, typer.Option(metavar="CELL", help="what IN holds, where arrays do not tell")] = None,
    prefix: Annotated[str | None, typer.Option(metavar="PREFIX", help="which module of a state dict")] = None,
    node: Annotated[str | None, typer.Option(metavar="NAME", help="which node of an ONNX model")] = None,
    as_json: JsonOption = False,
) -> None:
    """Convert weights from one system's convention to another's, all layers and both directions.

    \b
      grusym convert gru.pt gru.npz --to keras
      grusym convert model.safetensors gru.onnx --prefix encoder.rnn
      grusym convert model.onnx gru.pt --to torch --node GRU_0
      grusym convert weights.npz gru.npz --from haiku --to keras

    Suffixes say the formats: .npz, .safetensors, .pt or .pth (a state dict), .onnx. Without --from, the convention and
    cell that alone fit are taken; where several do, they are listed. Nothing from IN is executed.
    """
    from grusym.weights.convert_file import convert_file
    from grusym.weights.report import notes, report, report_text

    replaced = given.exists() and output.exists() and given.samefile(output)
    done = convert_file(given, output, source, target, cell, prefix, node)
    print(json.dumps(report(done), indent=2) if as_json else f"{report_text(done)}\n{output}")
    for note in notes(done, recognised=source is None):
        print(note, file=sys.stderr)
    if replaced:
        print(f"{output} was the file that was read, and is replaced", file=sys.stderr)
