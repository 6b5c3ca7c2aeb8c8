"""`tierkit route`: which tier one prompt would go to, why, and what it may cost at most."""

from __future__ import annotations

import sys
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

import click

from tierkit.cli.governing import policy_of
from tierkit.cli.output import as_json, json_option, labels_option, paper, plain, usd

if TYPE_CHECKING:
    from tierkit.governor import Governor

__all__ = ["command"]

_REPEATS = 5


@click.command("route", short_help="Show the tier for one prompt, why, and its price.")
@click.argument("prompt", required=False)
@click.option("--policy", "policy_path", metavar="FILE", help="The policy; left out: the one that init writes.")
@click.option("--max-output-tokens", type=click.IntRange(min=1), help="The bound of the answer; it bounds the price.")
@labels_option
@json_option
def command(
    prompt: str | None,
    *,
    policy_path: str | None,
    max_output_tokens: int | None,
    labels: dict[str, str],
    as_json_: bool,
) -> None:
    """Show the tier for PROMPT, or for the text on standard input when it is - or left out. Nothing is spent.

    \b
    Examples:
      tierkit route "What is the capital of France?"
      tierkit route --policy tierkit.toml --label team=search - < prompt.txt
    """  # noqa: D301 - \b is click's mark for lines to keep
    text = _text(prompt)
    from tierkit.governor import Governor  # noqa: PLC0415 - keeps --help quick

    with Governor(policy_of(policy_path)) as governor:
        found = _decide(governor, text, labels, max_output_tokens)
    if as_json_:
        as_json(found)
    else:
        _tell(found)


def _text(prompt: str | None) -> str:
    if prompt is not None and prompt != "-":
        return prompt
    if prompt is None and sys.stdin.isatty():
        raise click.UsageError("no prompt was given; write it in quotes, or pipe it in and write -")
    return sys.stdin.buffer.read().decode("utf-8", errors="replace")


def _decide(governor: Governor, text: str, labels: dict[str, str], bound: int | None) -> dict[str, Any]:
    plan = governor.route(text, labels=labels, max_output_tokens=bound)  # the first one also loads the classifier
    fastest = min(_timed(governor, text, labels, bound) for _ in range(_REPEATS))
    return {
        "tier": plan.tier,
        "model": plan.model,
        "need": plan.need,
        "reasons": list(plan.reasons),
        "price_ceiling_usd": str(plan.price_ceiling),
        "decision_us": round(fastest / 1000, 1),
    }


def _timed(governor: Governor, text: str, labels: dict[str, str], bound: int | None) -> int:
    began = perf_counter_ns()
    governor.route(text, labels=labels, max_output_tokens=bound)
    return perf_counter_ns() - began


def _tell(found: dict[str, Any]) -> None:
    out = paper()
    need = "not scored" if found["need"] is None else f"{found['need']:.2f} of 1"
    rows = (
        ("tier", f"{found['tier']} ({found['model']})"),
        ("need", need),
        ("because", ", ".join(found["reasons"]) or "-"),
        ("costs at most", usd(found["price_ceiling_usd"])),
        ("decided in", f"{found['decision_us']:,.1f} us"),
    )
    for name, value in rows:
        out.print(f"{name:<14}{plain(value)}")
