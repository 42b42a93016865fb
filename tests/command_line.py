"""The command, as a process and inside this one; what it prints, and the tables that it reads."""

import csv
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner

from deltaloop.app.commands import command

COMMAND = Path(sys.executable).with_name("deltaloop")


def start(*arguments, **options):
    """The installed command as a process; missing, it fails the test."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("DELTALOOP_")}
    environment.update(options.pop("env", {}))
    return subprocess.Popen(
        [COMMAND, *map(str, arguments)], env=environment, text=True, encoding="utf-8",
        # in a suite that runs in the background Ctrl-C may be ignored, and so here
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options},
    )  # fmt: skip


def run(*arguments, **options):
    """(exit status, stdout, stderr) of the installed command."""
    process = start(*arguments, **options)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def call(*arguments):
    """(exit status, everything printed) of the command inside this process."""
    result = CliRunner().invoke(command, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def refused(*arguments):
    """The line that is printed for something wrong; status 2 and that line is all there is."""
    status, output = call(*arguments)
    lines = output.splitlines()
    assert status == 2
    assert lines
    assert lines[-1].startswith("error: ")
    assert sum(line.startswith("error: ") for line in lines) == 1
    assert "Traceback" not in output
    return lines[-1]


def rows(output):
    """The report as a dict."""
    lines = (
        re.split(r"\s{2,}|(?<=data:) |(?<=task:) |(?<=rows:) |(?<=columns:) ", line, maxsplit=1)
        for line in output.splitlines()
    )
    return {line[0]: line[1] for line in lines if len(line) == 2}


def number(text):
    """The first number of a text."""
    return float(re.search(r"-?[0-9][0-9,.]*(e[-+]?[0-9]+)?", text)[0].replace(",", ""))


def write_csv(path, header, lines):
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerows([header, *lines] if header else lines)
    return path


def read_csv(path_or_text):
    text = path_or_text.read_text("utf-8") if isinstance(path_or_text, Path) else path_or_text
    return list(csv.reader(text.splitlines()))
