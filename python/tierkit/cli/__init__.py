"""The `tierkit` command. Its two packages, click and rich, are the extra `cli` and are loaded only here."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line and leave with its exit code: 0 done, 1 the answer is no, 2 a mistake, 130 interrupted."""
    try:
        sys.exit(_run(sys.argv[1:]))
    except KeyboardInterrupt:  # before or after the part that words it
        sys.exit(130)


def _run(arguments: list[str]) -> int:
    from importlib.util import find_spec  # noqa: PLC0415 - only this command needs it

    missing = [name for name in ("click", "rich") if find_spec(name) is None]
    if missing:
        from tierkit.errors import MissingExtra  # noqa: PLC0415 - as above

        error = MissingExtra(f"the command line needs {' and '.join(missing)}: run pip install 'tierkit[cli]'")
        sys.stderr.write(f"tierkit: {error}\n")
        return 2
    from tierkit.cli.frame import run  # noqa: PLC0415 - click is known to be there

    return run(arguments)
