"""`tierkit init`: a policy to start from, with a word on every choice."""

from __future__ import annotations

from pathlib import Path

import click

from tierkit.cli.output import as_json, json_option, paper
from tierkit.errors import ConfigError

__all__ = ["command"]


@click.command("init", short_help="Write a commented policy to start from.")
@click.argument("path", type=click.Path(path_type=Path), default=Path("tierkit.toml"))
@click.option("--force", is_flag=True, help="Replace a file that is already there.")
@json_option
def command(path: Path, *, force: bool, as_json_: bool) -> None:
    """Write a commented policy to PATH (tierkit.toml).

    \b
    Examples:
      tierkit init
      tierkit init policies/production.toml
    """  # noqa: D301 - \b is click's mark for lines to keep
    from tierkit.policy import INIT_TEXT  # noqa: PLC0415 - keeps --help quick

    target = path / "tierkit.toml" if path.is_dir() else path
    text = INIT_TEXT.encode()
    try:
        with target.open("wb" if force else "xb") as stream:
            stream.write(text)
    except FileExistsError:
        raise ConfigError(f"{target}: is already there; choose another path, or --force to replace it") from None
    except FileNotFoundError:
        raise ConfigError(f"{target}: there is no folder {target.parent}; make it first") from None
    if as_json_:
        as_json({"path": str(target), "bytes": len(text)})
        return
    out = paper()
    out.print(f"Wrote {target}.")
    out.print(f"Next: edit it, then tierkit check {target}", style="dim")
