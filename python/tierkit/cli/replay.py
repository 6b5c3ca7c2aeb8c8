"""`tierkit replay`: what a policy would have done to the traffic of a trace."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

import click

from tierkit.cli.governing import policy_of
from tierkit.cli.output import as_json, json_option, labels_option, paper
from tierkit.cli.progress import reading
from tierkit.cli.summary import tell_summary

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["command"]


@click.command("replay", short_help="Try a policy on the traffic of a trace.")
@click.argument("trace", type=click.Path())
@click.option("--policy", "policy_path", required=True, metavar="FILE", help="The policy to try.")
@click.option("--state", metavar="DIR", help="Keep the ledger there, for report and explain; left out: in memory.")
@labels_option
@json_option
def command(trace: str, *, policy_path: str, state: str | None, labels: dict[str, str], as_json_: bool) -> None:
    """Run every request of TRACE through the real governor on a virtual clock, and add up what comes of it.

    TRACE is tierkit's own JSON lines (ts, labels, prompt or input_tokens, output_tokens), an Azure LLM inference CSV or
    a Mooncake JSON lines file, plain or gzip; - reads standard input. Labels given here are added to every request.

    \b
    Examples:
      tierkit replay --policy tierkit.toml requests.jsonl.gz
      tierkit replay --policy tierkit.toml --label team=code --json AzureLLMInferenceTrace_code.csv
    """  # noqa: D301 - \b is click's mark for lines to keep
    with reading(trace) as on_position:
        result = _replayed(trace, policy_path, state, labels, on_position)
    if as_json_:
        as_json(result)
    else:
        tell_summary(paper(), result)


def _replayed(
    trace: str, policy_path: str, state: str | None, labels: dict[str, str], on_position: Callable[[int], None] | None
) -> dict[str, Any]:
    from tierkit.governor import Governor  # noqa: PLC0415 - keeps --help quick
    from tierkit.report.replay import Replay  # noqa: PLC0415 - as above
    from tierkit.report.trace import read_trace  # noqa: PLC0415 - as above
    from tierkit.testing import ManualClock  # noqa: PLC0415 - as above

    policy = policy_of(policy_path)
    records = read_trace(trace, labels=labels, on_position=on_position)
    first = next(records)  # a trace without requests has said so by now
    clock = ManualClock(wall_ns=first.ts_ns)
    with Governor(policy, clock=clock, state=state) as governor:
        replay = Replay(governor, clock, place="stdin" if trace == "-" else trace)
        replay.run(chain([first], records))
        governor.flush()
        return replay.result()
