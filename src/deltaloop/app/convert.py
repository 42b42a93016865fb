"""The command `deltaloop convert`."""

import click

from .. import formats
from ..console.outputs import check_output
from ..console.terminal import print_rows
from ..interop.formats import FORMATS
from .report import layers_text

_READ = ", ".join(row.name for row in FORMATS.values() if row.reads)
_WRITTEN = ", ".join(row.name for row in FORMATS.values() if row.writes)
_SUFFIXES = "; ".join(f"{row.name}: {', '.join(row.suffixes)}" for row in FORMATS.values())


@click.command(
    short_help="Turn a network into a file of another tool, or back.",
    epilog=f"Formats by the ends of names: {_SUFFIXES}.",
)
@click.argument("source")
@click.argument("target")
@click.option("--from", "read_as", metavar="NAME", help=f"Format of SOURCE: {_READ}.")
@click.option("--to", "write_as", metavar="NAME", help=f"Format of TARGET: {_WRITTEN}.")
@click.option("--activation", metavar="NAME", help="Of hidden layers, if SOURCE has weights alone.")
@click.option("--output", metavar="NAME", help="Of the last layer, likewise. Default: by --loss.")
@click.option("--loss", metavar="NAME", help="Likewise. Default: by --output.")
def convert(source: str, target: str, read_as: str | None, write_as: str | None, **meant) -> None:
    """Read the network SOURCE and write it as TARGET, and tell what could not be kept.

    \b
    deltaloop convert net.npz net.onnx
    deltaloop convert net.onnx net.npz
    deltaloop convert weights.safetensors net.npz --activation relu --loss cross_entropy
    """  # noqa: D301 - click wants the character
    check_output("TARGET", target, source)
    row = formats.format_of(target, write_as, to_write=True)
    net = formats.read_to_write(source, read_as, **meant)
    lost = formats.write(net, target, row.name)
    print_rows(
        [
            ("layers", layers_text(net)),
            ("written", f"{target} ({row.name})"),
            *(("not kept", what) for what in lost),
        ]
    )
