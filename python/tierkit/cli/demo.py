"""`tierkit demo`: an hour of real traffic, governed before your eyes; no network, no key."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tierkit.cli.output import as_json, json_option, paper, usd
from tierkit.cli.summary import saved_percent, tell_summary
from tierkit.errors import ConfigError

if TYPE_CHECKING:
    from rich.console import Console

    from tierkit.governor import Governor
    from tierkit.report.trace import TraceRecord
    from tierkit.report.watch import SpendWatcher
    from tierkit.testing import ManualClock

__all__ = ["command"]

PICTURE, STATE, MARK = "spend.svg", "state", "made-by-tierkit-demo"


@click.command("demo", short_help="Govern a real hour of traffic before your eyes.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("demo-out"), show_default=True, metavar="DIR")
@json_option
def command(out: Path, *, as_json_: bool) -> None:
    """Replay a real hour of requests under a policy of three tiers and three budgets. Needs no network and no key.

    DIR receives the picture (spend.svg), the policy and the ledger, which report and explain can read.

    \b
    Examples:
      tierkit demo
      tierkit demo --out elsewhere --json
    """  # noqa: D301 - \b is click's mark for lines to keep
    from tierkit.report.sample import POLICY, TRACE  # noqa: PLC0415 - keeps --help quick
    from tierkit.report.trace import read_trace  # noqa: PLC0415 - as above

    state = _fresh(out)
    shutil.copyfile(POLICY, out / "demo.toml")
    records = list(read_trace(TRACE))
    screen = None if as_json_ else paper()
    if screen is not None:
        screen.print(f"{len(records):,} requests of a real hour, three teams, three tiers, one policy.", style="bold")
    result, watcher = _run(state, records, screen)
    picture = out / PICTURE
    picture.write_text(watcher.picture(title=_TITLE, subtitle=_subtitle(result)), encoding="utf-8")
    result["picture"] = str(picture)
    if screen is None:
        as_json(result)
    else:
        tell_summary(screen, result, labels=("team",))
        _last_words(screen, result, out)


_TITLE = "Spend by team and tier, against the budgets"


def _fresh(out: Path) -> Path:
    """Return an empty state directory inside `out`; only what an earlier demo made is ever removed."""
    state = out / STATE
    if state.exists() and not (out / MARK).is_file():
        raise ConfigError(f"{state}: is there and not of an earlier demo; give another folder with --out")
    out.mkdir(parents=True, exist_ok=True)
    if state.exists():
        shutil.rmtree(state)
    (out / MARK).write_text("This folder may be removed; tierkit demo writes it anew.\n", encoding="utf-8")
    return state


def _run(state: Path, records: list[TraceRecord], screen: Console | None) -> tuple[dict[str, Any], SpendWatcher]:
    from tierkit.governor import Governor  # noqa: PLC0415 - keeps --help quick
    from tierkit.policy import Policy  # noqa: PLC0415 - as above
    from tierkit.report.sample import POLICY  # noqa: PLC0415 - as above
    from tierkit.report.watch import SpendWatcher  # noqa: PLC0415 - as above
    from tierkit.testing import ManualClock  # noqa: PLC0415 - as above

    clock = ManualClock(wall_ns=records[0].ts_ns)
    with Governor(Policy.from_toml(POLICY), clock=clock, state=state) as governor:
        watcher = SpendWatcher(governor)
        return _replayed(governor, clock, records, watcher, screen), watcher


def _replayed(
    governor: Governor, clock: ManualClock, records: list[TraceRecord], watcher: SpendWatcher, screen: Console | None
) -> dict[str, Any]:
    from tierkit.report.replay import Replay  # noqa: PLC0415 - keeps --help quick

    governor.route("Loads the classifier, which takes longer than all decisions of the demo.")
    if screen is None or not screen.is_terminal:
        replay = Replay(governor, clock, place="demo", watcher=watcher)
        replay.run(records)
    else:
        from tierkit.cli.live import LiveTable  # noqa: PLC0415 - only for a terminal

        tiers = [tier.name for tier in governor.policy.tiers]
        span_ns = (records[0].ts_ns, records[-1].ts_ns)
        with LiveTable(screen, watcher, tiers=tiers, span_ns=span_ns) as live:
            replay = Replay(governor, clock, place="demo", watcher=live)
            replay.run(records)
    governor.flush()
    return replay.result()


def _subtitle(result: dict[str, Any]) -> str:
    spent, baseline = usd(result["spend_usd"]), usd(result["baseline_usd"])
    saved = saved_percent(result)
    instead = f"{spent} spent where the top tier alone costs {baseline}: {saved} saved"
    return f"{result['requests']:,} requests of one hour, {instead}"


def _last_words(screen: Console, result: dict[str, Any], out: Path) -> None:
    refused = sum(result["refused"].values())
    screen.print("What you saw", style="bold")
    screen.print(
        f"Each request was one decision in this process: {result['cache_hits']:,} were answered from the cache, "
        f"easy ones went to cheap models, {refused:,} were refused by a budget or a limit before they could cost "
        "anything, and each answer's exact price stands in a ledger. The arrivals and sizes are those of a real "
        "service, the prompts are public exam questions; nothing was sent anywhere."
    )
    screen.print(f"picture   {out / PICTURE}", soft_wrap=True)
    screen.print(f"policy    {out / 'demo.toml'}", soft_wrap=True)
    screen.print("Try next", style="bold")
    screen.print(f"  tierkit report --state {out / STATE} --by team,tier", soft_wrap=True)
    screen.print('  tierkit route "What is the capital of France?"')
    screen.print("  tierkit init")
