"""Manual pages of the command line, written from what `--help` shows.

    python packaging/man_pages.py FOLDER        # deltaloop.1, deltaloop-train.1, ...

Needs deltaloop with its extra `cli`. The same input gives the same bytes.
"""

import re
import sys
from pathlib import Path

import click

from deltaloop.app.commands import command
from deltaloop.version import __version__


class Roff(click.HelpFormatter):
    """Writes in roff, with the macros of man(7), what click formats as help."""

    def _line(self, text):
        self.write(text + "\n")

    def write_usage(self, prog, args="", prefix=None):
        """The section SYNOPSIS."""
        self._line(".SH SYNOPSIS")
        self._line(rf"\fB{escaped(prog)}\fR {escaped(args)}")

    def write_heading(self, heading):
        """A section; arguments and options have their titles from the help."""
        self._line(f".SH {escaped(heading.upper())}")

    def write_paragraph(self):
        """Nothing: every text below begins its own."""

    def write_text(self, text):
        r"""Paragraphs; the lines of one that begins with \b stay as they are."""
        for paragraph in re.split(r"\n\s*\n", text):
            lines = paragraph.strip("\n").split("\n")
            as_it_is = lines[0].strip() == "\b"
            self._line(".PP")
            if as_it_is:
                self._line(".nf")
            for line in lines[as_it_is:]:
                self._line(escaped(line.strip("\n") if as_it_is else line.strip()))
            if as_it_is:
                self._line(".fi")

    def write_dl(self, rows, col_max=30, col_spacing=2):
        """Options or commands, each with its text."""
        for name, text in rows:
            self._line(".TP")
            self._line(rf"\fB{escaped(name)}\fR")
            self._line(escaped(" ".join(text.split())))


def escaped(text: str) -> str:
    """The text in roff: no macro, no escape, and hyphens that can be copied into a shell."""
    text = text.replace("\\", r"\e").replace("-", r"\-").replace("'", r"\(aq")
    text = text.replace("`", r"\(ga").replace("^", r"\(ha").replace("~", r"\(ti")
    return r"\&" + text if text.startswith((".", "'")) else text


def pages() -> dict[str, str]:
    """The contents of every page by its file name."""
    context = click.Context(command, info_name="deltaloop")
    found = {"deltaloop.1": page(context, sorted(command.commands))}
    for name, subcommand in command.commands.items():
        inner = click.Context(subcommand, info_name=name, parent=context)
        found[f"deltaloop-{name}.1"] = page(inner, [])
    return found


def page(context: click.Context, subcommands: list[str]) -> str:
    """One page; with a list of the others at its end."""
    name = context.command_path.replace(" ", "-")
    roff = Roff(width=10**6)
    roff.write(f'.TH "{name.upper()}" "1" "" "deltaloop {__version__}" "deltaloop"\n')
    roff.write(f".SH NAME\n{escaped(name)} \\- {escaped(summary(context.command))}\n")
    body = Roff(width=10**6)
    body.indent_increment = 0
    context.command.format_help(context, body)
    # the text of the help follows the usage without a title
    text = body.getvalue().replace("\n.PP\n", "\n.SH DESCRIPTION\n", 1)
    roff.write(text)
    others = [f"deltaloop-{other}" for other in subcommands] or ["deltaloop"]
    roff.write(".SH SEE ALSO\n" + ",\n".join(rf"\fB{escaped(o)}\fR(1)" for o in others) + "\n")
    return roff.getvalue()


def summary(described: click.Command) -> str:
    """The first sentence of the help, without its full stop."""
    return described.get_short_help_str(limit=10**6).rstrip(".")


def main() -> None:
    """Write all pages into the folder that was named."""
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
