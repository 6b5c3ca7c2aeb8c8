"""`tierkit check`: everything that is wrong with a policy, each with its place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from tierkit.cli.output import as_json, json_option, paper, plain, table
from tierkit.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tierkit.policy import Policy, Problem

__all__ = ["command"]

VALID, WARNED, WRONG = 0, 1, 2


@click.command("check", short_help="Say what is wrong with a policy, and where.")
@click.argument("file", type=click.Path(), default="tierkit.toml")
@click.option("--strict", is_flag=True, help="Leave with 1 when there are warnings.")
@click.option("--state", metavar="DIR", help="Also say what it would change in this state directory.")
@json_option
def command(file: str, *, strict: bool, state: str | None, as_json_: bool) -> int:
    """Check the policy FILE (tierkit.toml): mistakes with line and column, and rules that can never match.

    Leaves with 0 when the policy can be used, 2 when it cannot.

    \b
    Examples:
      tierkit check tierkit.toml
      tierkit check --strict --json tierkit.toml
      tierkit check tierkit.toml --state .tierkit
    """  # noqa: D301 - \b is click's mark for lines to keep
    from tierkit.policy import Policy, lint  # noqa: PLC0415 - only this command needs them
    from tierkit.prices import PriceBook  # noqa: PLC0415 - as above

    try:
        policy = Policy.from_toml(file)
    except ConfigError as error:
        if as_json_:
            as_json({"file": file, "ok": False, "errors": _rows(error), "warnings": []})
        else:
            click.echo(str(error), err=True)
        return WRONG
    warnings = lint(policy, has_price=PriceBook.default().__contains__)
    changes = {} if state is None else {"changes": _changes(policy, state)}
    if as_json_:
        found = [_row(problem) for problem in warnings]
        as_json({"file": file, "ok": True, "errors": [], "warnings": found, **_counts(policy), **changes})
    else:
        _tell(file, policy, warnings)
        if state is not None:
            _tell_changes(state, changes["changes"])
    return WARNED if strict and warnings else VALID


def _tell(file: str, policy: Policy, warnings: Sequence[Problem]) -> None:
    out = paper()
    for problem in warnings:
        out.print(f"warning: {plain(str(problem))}", style="yellow", soft_wrap=True)
    held = ", ".join(f"{count} {name if count != 1 else name[:-1]}" for name, count in _counts(policy).items())
    verdict = f"{len(warnings)} warning{'s' if len(warnings) != 1 else ''}" if warnings else "nothing wrong"
    out.print(f"{plain(file)}: {held}; {verdict}.", soft_wrap=True)


def _changes(policy: Policy, state: str) -> list[dict[str, str | None]] | None:
    from tierkit.report.changes import policy_changes  # noqa: PLC0415 - only with --state

    return policy_changes(policy, state)


def _tell_changes(state: str, changes: list[dict[str, str | None]] | None) -> None:
    out = paper()
    if not changes:
        nothing = "changes no limit and no budget." if changes is not None else "nothing ran since the machine started."
        out.print(f"{plain(state)}: {nothing}", soft_wrap=True)
        return
    made = table("rule", "change", "now", "then")
    for row in changes:
        made.add_row(*(plain(row[name] or "-") for name in ("rule", "change", "before", "after")))
    out.print(made)


def _counts(policy: Policy) -> dict[str, int]:
    return {"tiers": len(policy.tiers), "limits": len(policy.limits), "budgets": len(policy.budgets)}


def _rows(error: ConfigError) -> list[dict[str, Any]]:
    problems = getattr(error, "problems", ())
    return [_row(problem) for problem in problems] or [{"line": 0, "column": 0, "message": str(error)}]


def _row(problem: Problem) -> dict[str, Any]:
    return {"line": problem.line, "column": problem.column, "message": problem.message}
