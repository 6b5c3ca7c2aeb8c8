"""`tierkit ledger verify`: is every entry there, unchanged, and do the balances follow from them?"""

from __future__ import annotations

from typing import Any

import click

from tierkit.cli.output import as_json, json_option, plain

__all__ = ["command"]

_DAMAGED = 1


@click.command("verify", short_help="Prove that nothing in a ledger was changed.")
@click.option("--state", required=True, metavar="DIR", help="The state directory of the governor; it may be running.")
@json_option
def command(*, state: str, as_json_: bool) -> int:
    """Prove that nothing in the ledger was changed, lost or added, and that every balance follows from its entries.

    Leaves with 1 at the first thing that does not fit, and names it. The hash of the last entry, kept elsewhere, proves
    later that nothing before it was rewritten.

    \b
    Examples:
      tierkit ledger verify --state .tierkit
    """  # noqa: D301 - \b is click's mark for lines to keep
    from tierkit.cli.progress import counting  # noqa: PLC0415 - keeps --help quick
    from tierkit.report.verify import LedgerProof  # noqa: PLC0415 - as above

    proof = LedgerProof(state)
    with counting("checking", proof.total) as watch:
        found = proof.run(watch)
    if as_json_:
        as_json(found)
    else:
        _tell(found)
    return 0 if found["ok"] else _DAMAGED


def _tell(found: dict[str, Any]) -> None:
    entries = f"{found['entries']:,} {'entry' if found['entries'] == 1 else 'entries'}"
    if found["ok"]:
        click.echo(f"whole: {entries}, every account and every open reservation follows from them")
        click.echo(f"hash of the last entry: {found['hash'] or '-'}")
        return
    finding = found["finding"]
    place = finding["table"] if finding["seq"] is None else f"{finding['table']} {finding['seq']}"
    click.echo(f"damaged: {plain(place)}: {plain(finding['what'])}")
    click.echo(f"{entries} before it {'fits' if found['entries'] == 1 else 'fit'}; restore the file from a backup")
