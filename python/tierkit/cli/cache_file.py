"""`tierkit cache stats`, `purge` and `report`: a cache file beside the processes that use it; they follow at once."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tierkit.cli.output import as_json, json_option, paper, plain, table, usd
from tierkit.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tierkit._core import CacheFile

__all__ = ["file_option", "opened", "purge_command", "report_command", "stats_command", "tenant"]

_NOT_HELD = 1


def file_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--state DIR` and `--path FILE`, of which one names the cache."""
    path = click.option("--path", metavar="FILE", type=click.Path(path_type=Path), help="The file of a SemanticCache.")
    state = click.option(
        "--state", metavar="DIR", type=click.Path(path_type=Path), help="The state directory of a governor."
    )
    return state(path(function))


def opened(state: Path | None, path: Path | None) -> CacheFile:
    """Open the file that the options name."""
    if (state is None) == (path is None):
        raise click.UsageError("name one cache: --state DIR of a governor, or --path FILE of a SemanticCache")
    from tierkit.cache import CacheFile  # noqa: PLC0415 - keeps --help quick

    return CacheFile(state / "cache.db" if state is not None else path)  # type: ignore[arg-type]  # one is given


def tenant(owner: str) -> str:
    """Write an owner for people: the labels of a governor's tenant as `org=acme`, else the namespace as it is."""
    labels = _labels(owner)
    if labels is not None:
        return ",".join(f"{name}={value}" for name, value in labels.items())
    return owner or "(all callers)"


def _labels(owner: str) -> dict[str, str] | None:
    try:
        found = json.loads(owner)
    except ValueError:
        return None
    whole = isinstance(found, dict) and all(isinstance(value, str) for value in found.values())
    return found if whole else None


@click.command("stats", short_help="Show entries, bytes, hits and money saved, by namespace.")
@file_option
@json_option
def stats_command(state: Path | None, path: Path | None, *, as_json_: bool) -> None:
    """Show what a cache file holds and what its hits saved so far, by namespace. Processes tell hits once a second.

    \b
    Examples:
      tierkit cache stats --state .tierkit
      tierkit cache stats --path cache.db --json
    """  # noqa: D301 - \b is click's mark for lines to keep
    (encoder, dim, file_bytes, reports), owners = opened(state, path).stats()
    if as_json_:
        rows = [_record(owner) for owner in owners]
        about = {"encoder": encoder, "dim": dim, "file_bytes": file_bytes, "wrong_answers_reported": reports}
        as_json({**about, "entries": sum(row["entries"] for row in rows), "namespaces": rows})
        return
    shown = table("namespace", ">entries", ">bytes", ">exact hits", ">semantic hits", ">saved")
    for owner, entries, size, exact, semantic, saved_nusd in owners:
        counts = (f"{count:,}" for count in (entries, size, exact, semantic))
        shown.add_row(plain(tenant(owner)), *counts, usd(_money(saved_nusd)))
    out = paper()
    out.print(shown)
    out.print(f"{file_bytes:,} bytes on disk; {reports} wrong answers reported")


def _record(row: tuple[str, int, int, int, int, int]) -> dict[str, Any]:
    owner, entries, size, exact, semantic, saved_nusd = row
    return {
        "namespace": tenant(owner),
        "entries": entries,
        "bytes": size,
        "exact_hits": exact,
        "semantic_hits": semantic,
        "saved_usd": _money(saved_nusd),
    }


def _money(nusd: int) -> str:
    from tierkit.money import Money  # noqa: PLC0415 - as above

    return str(Money.from_nusd(nusd))


@click.command("purge", short_help="Remove entries by tag, namespace or age, or all.")
@file_option
@click.option("--namespace", metavar="NAME", help="Only of this namespace, as `stats` names it.")
@click.option("--tag", metavar="TAG", help="Only with this tag.")
@click.option("--older-than", metavar="AGE", help="Only put longer ago than this, such as 7d, 12h or 30m.")
@click.option("--all", "everything", is_flag=True, help="Everything, where nothing else is named.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def purge_command(
    state: Path | None,
    path: Path | None,
    *,
    namespace: str | None,
    tag: str | None,
    older_than: str | None,
    everything: bool,
    yes: bool,
    as_json_: bool,
) -> None:
    """Remove the entries that fit all that is named. Processes that use the file follow within a second.

    \b
    Examples:
      tierkit cache purge --state .tierkit --namespace org=acme
      tierkit cache purge --path cache.db --tag "manual v3" --older-than 7d --yes
      tierkit cache purge --path cache.db --all --yes
    """  # noqa: D301 - \b is click's mark for lines to keep
    named = [part for part in (namespace, tag, older_than) if part is not None]
    if everything == bool(named):
        raise click.UsageError("name what to remove: --namespace, --tag, --older-than, or --all alone")
    age_ns = 0 if older_than is None else _age_ns(older_than)
    file = opened(state, path)
    owner = None if namespace is None else _owner(file, namespace)
    if not yes:
        _confirm("everything" if everything else "what fits " + ", ".join(named))
    removed = file.purge(owner=owner, tag=tag, age_ns=age_ns)
    if as_json_:
        as_json({"removed": removed})
    else:
        paper().print(f"{removed} entries removed")


def _confirm(what: str) -> None:
    if not sys.stdin.isatty():
        raise click.UsageError(f"this removes {plain(what)}; say --yes where nobody can be asked")
    click.confirm(f"Remove {plain(what)} from the cache?", abort=True, err=True)


def _age_ns(text: str) -> int:
    from tierkit._core import duration_ns  # noqa: PLC0415 - as above

    return int(duration_ns("--older-than", text))


def _owner(file: CacheFile, name: str) -> str:
    """Find the one owner that a name means: as `stats` writes it, or the value of its only label."""
    owners = [owner for owner, *_ in file.stats()[1]]
    meant = [owner for owner in owners if name in (owner, tenant(owner), *_only_value(owner))]
    if len(meant) == 1:
        return meant[0]
    known = plain(", ".join(tenant(owner) for owner in owners[:8])) or "none"
    seen = "more than one" if meant else "no"
    raise ConfigError(f"--namespace {name!r}: {seen} namespace of this name; the cache knows {known}")


def _only_value(owner: str) -> tuple[str, ...]:
    labels = _labels(owner) or {}
    return tuple(labels.values()) if len(labels) == 1 else ()


@click.command("report", short_help="Tell that a cached answer was wrong.")
@click.argument("entry", metavar="ID", type=click.IntRange(0, 2**63 - 1))
@file_option
@click.option("--bad", is_flag=True, required=True, help="The answer was wrong.")
@json_option
def report_command(entry: int, state: Path | None, path: Path | None, *, bad: bool, as_json_: bool) -> int:  # noqa: ARG001 - said, so that a bare ID removes nothing
    """Remove the wrong answer with this ID and keep its question out of semantic hits for good.

    The ID is `.id` of the hit, and what `export` shows. Leaves with 1 when the file does not hold it (any more); the
    report is remembered all the same.

    \b
    Examples:
      tierkit cache report 7137468152349851022 --bad --state .tierkit
    """  # noqa: D301 - \b is click's mark for lines to keep
    held = opened(state, path).report(entry)
    if as_json_:
        as_json({"id": str(entry), "held": held})
    else:
        paper().print("removed, and remembered as wrong" if held else "not held; remembered as wrong")
    return 0 if held else _NOT_HELD
