"""The frame of all commands: loads each when it is called, and turns every end of a run into an exit code."""

from __future__ import annotations

import logging
import os
import sys

import click

import tierkit
from tierkit.cli.lazy import LazyGroup
from tierkit.errors import TierkitError

__all__ = ["run"]

_COMMANDS = (
    "init", "check", "route", "fit", "eval", "replay", "demo", "report", "explain", "limits", "top", "ledger", "cache",
)  # fmt: skip
_EXAMPLES = """\b
Start here:
  tierkit demo                                   a real hour of traffic, governed
  tierkit init                                   write a policy to edit
  tierkit check tierkit.toml                     is it right?
  tierkit replay --policy tierkit.toml TRACE     what would it do to this traffic?
"""
DONE, INTERRUPTED, MISTAKE = 0, 130, 2


@click.group(
    cls=LazyGroup,
    places={name: (name, "command") for name in _COMMANDS},
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=_EXAMPLES,
)
@click.version_option(tierkit.__version__, prog_name="tierkit", message="%(prog)s %(version)s")
@click.pass_context
def _tierkit(context: click.Context) -> None:
    """LLM cost control: budgets, limits, model tiers and a safe cache, one decision per request.

    Every command takes --json for output that programs read, and --help for its own page.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


def run(arguments: list[str]) -> int:
    """Run one command line and return its exit code; a user's mistake is one sentence, never a traceback."""
    _accept_any_encoding()
    # Budget alerts of a replay belong to the virtual clock; they would only break the tables.
    logging.getLogger("tierkit").addHandler(logging.NullHandler())
    try:
        # Not `main()`, which would turn a closed pipe into exit code 1 before we see it.
        with _tierkit.make_context("tierkit", list(arguments)) as context:
            code = _tierkit.invoke(context)
        sys.stdout.flush()
    except click.exceptions.Exit as done:  # --help and --version
        return _flushed(done.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("tierkit: interrupted", err=True)
        return INTERRUPTED
    except BrokenPipeError:
        return _reader_left()
    except click.ClickException as error:
        error.show()
        return MISTAKE
    except (TierkitError, OSError) as error:
        click.echo(f"tierkit: {_sentence(error)}", err=True)
        return MISTAKE
    return code if isinstance(code, int) else DONE


def _flushed(code: int) -> int:
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        return _reader_left()
    return code


def _sentence(error: Exception) -> str:
    if not isinstance(error, OSError) or isinstance(error, TierkitError):
        return str(error)
    reason = (error.strerror or str(error)).lower()
    return f"{error.filename}: {reason}" if error.filename else f"the output cannot be written ({reason})"


def _accept_any_encoding() -> None:
    if sys.stdout is None:  # closed before we began (`>&-`)
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123 - lives as long as the process
    # A name that the terminal cannot show is shown as an escape; it must not end the program.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _reader_left() -> int:
    # Whoever read our output has seen enough (`| head`). Python would complain once more when it flushes at exit.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return DONE
