"""Policies that are right: what they hold, that they cannot change, and what the template says."""

from __future__ import annotations

import copy
import pickle
import re
import subprocess
import sys
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tierkit import Budget, ConfigError, Limit, Money, Policy, Tier
from tierkit.policy import INIT_TEXT, BackendSettings, CacheSettings, Routing, TierPrice, fields, lint

if TYPE_CHECKING:
    from pathlib import Path

EXAMPLE = """\
version = 1
timezone = "Europe/Berlin"
[[tier]]                                  # cheapest first
name = "small"
backend = "mi355x"
model = "Qwen/Qwen3-8B"
price = { input = "0.05 USD/Mtok", output = "0.20 USD/Mtok" }     # else the price book, by model
[[tier]]
name = "large"
backend = "openai"
model = "gpt-5"
[backend.mi355x]
kind = "vllm"                             # vllm | sglang | openai | anthropic | gemini | openai_compatible
url = "http://127.0.0.1:8000"
[backend.openai]
kind = "openai"
api_key_env = "OPENAI_API_KEY"
[routing]
share = { large = 0.20 }                  # a quantile of the own traffic, not a magic score
[[limit]]
name = "user-rpm"
rate = "60 requests/minute"
burst = 10
per = ["user"]
[[limit]]
name = "gpu-slots"
concurrency = 32
where = { backend = "mi355x" }
[[budget]]
name = "team-daily"
amount = "25 USD"
period = "day"                            # hour day week month year | "30d" | "total"
per = ["team"]
on_exhausted = "refuse"                   # or "downgrade": only tiers that still fit
warn_at = [0.5, 0.8]
mode = "enforce"                          # or "observe"
[cache]
semantic = false                          # the exact layer is on, the semantic one is a choice
ttl = "1h"
per = ["org"]
"""


def test_the_example_of_the_design_holds_what_it_says() -> None:
    policy = Policy.from_text(EXAMPLE)
    assert policy == Policy(
        timezone="Europe/Berlin",
        tiers=[
            Tier(
                "small",
                backend="mi355x",
                model="Qwen/Qwen3-8B",
                price={"input": "0.05 USD/Mtok", "output": "0.20 USD/Mtok"},
            ),
            Tier("large", backend="openai", model="gpt-5"),
        ],
        backends=[
            BackendSettings("mi355x", kind="vllm", url="http://127.0.0.1:8000"),
            BackendSettings("openai", kind="openai", api_key_env="OPENAI_API_KEY"),
        ],
        routing=Routing(share={"large": 0.2}),
        limits=[
            Limit("60 requests/minute", name="user-rpm", burst=10, per=["user"]),
            Limit(name="gpu-slots", concurrency=32, where={"backend": "mi355x"}),
        ],
        budgets=[Budget("25 USD", name="team-daily", period="day", per=["team"], warn_at=[0.5, 0.8])],
        cache=CacheSettings(ttl_s=3600, per=["org"]),
    )
    assert lint(policy) == []
    assert len(policy.limit_rules()) == 2
    assert len(policy.budget_rules()) == 1
    assert policy.source == "policy.toml"
    assert policy.place(("limit", 0, "rate")) == (22, 8)


def test_the_template_loads_without_a_warning() -> None:
    assert lint(Policy.from_text(INIT_TEXT), has_price=lambda _model: True) == []


@pytest.mark.parametrize("kind", ["TOP", "TIER", "PRICE", "BACKEND", "ROUTING", "LIMIT", "BUDGET", "CACHE"])
def test_the_template_explains_every_key(kind: str) -> None:
    for key in getattr(fields, kind):
        assert re.search(rf"^(# )?(price\.)?{key}(\.input)? = .*", INIT_TEXT, re.MULTILINE), key


def test_every_line_that_the_template_proposes_is_right() -> None:
    proposed = re.sub(r"^# (?=\[\[budget\]\]$|[a-z_.]+ = )", "", INIT_TEXT, flags=re.MULTILINE)
    policy = Policy.from_text(proposed.replace('"other-rule"', '"slots"'))
    assert policy.tiers[1].price == TierPrice(
        "1.25 USD/Mtok", output="10 USD/Mtok", cache_read="0.125 USD/Mtok", cache_write="1.25 USD/Mtok"
    )
    assert policy.backends["openai"] == BackendSettings(
        "openai", kind="openai", api_key_env="OPENAI_API_KEY", url="https://api.openai.com/v1"
    )


def test_rules_without_a_name_are_numbered() -> None:
    policy = Policy(limits=[Limit("1 requests/s"), Limit("2 requests/s")], budgets=[Budget(1, period="day")])
    assert [rule.name for rule in (*policy.limits, *policy.budgets)] == ["limit-1", "limit-2", "budget-1"]


@pytest.mark.parametrize("amount", ["25", "25 USD", Decimal("25.00"), Money("25"), 25])
def test_amounts_are_exact(amount: str | Decimal | Money | int) -> None:
    assert Budget(amount, period="day").amount.nusd == 25_000_000_000


@pytest.mark.parametrize("amount", [25.0, True, None, "25 EUR"])
def test_amounts_that_are_not_exact_are_refused(amount: object) -> None:
    with pytest.raises(ConfigError, match=r"^amount "):
        Budget(amount, period="day")  # type: ignore[arg-type]


def test_prices_are_exact() -> None:
    price = TierPrice("0.05 USD/Mtok", output="0.20 USD/Mtok", cache_read="0.005 USD/Mtok")
    assert (price.input_pusd_per_token, price.output_pusd_per_token) == (50_000, 200_000)
    assert (price.cache_read_pusd_per_token, price.cache_write_pusd_per_token) == (5_000, 50_000)


def test_parts_cannot_be_changed() -> None:
    policy = Policy.from_text(EXAMPLE)
    for part in (policy, policy.limits[0], policy.tiers[0], policy.cache):
        for name in part.__match_args__:
            with pytest.raises(AttributeError):
                setattr(part, name, None)
            with pytest.raises(AttributeError):
                delattr(part, name)
    with pytest.raises(TypeError):
        policy.backends["x"] = policy.backends["openai"]  # type: ignore[index]
    with pytest.raises(TypeError):
        policy.limits[1].where["x"] = ("y",)  # type: ignore[index]


def test_parts_compare_copy_and_pickle_by_value() -> None:
    policy = Policy.from_text(EXAMPLE)
    for part in (policy, *policy.limits, *policy.budgets, *policy.tiers, policy.routing, policy.cache):
        for other in (copy.copy(part), copy.deepcopy(part), pickle.loads(pickle.dumps(part))):  # noqa: S301 - our own
            assert other == part
            assert hash(other) == hash(part)
    assert policy.limits[0] != policy.limits[1]
    assert policy.limits[0].with_(burst=11) != policy.limits[0]
    assert policy.limits[0] != "limit"


def test_every_part_lists_its_values_once() -> None:
    policy = Policy.from_text(EXAMPLE)
    for part in (policy, policy.limits[0], policy.budgets[0], policy.tiers[0], policy.backends["openai"]):
        public = {name for name in type(part).__slots__ if not name.startswith("_")}
        assert public == set(part.__match_args__)


@pytest.mark.parametrize(
    ("make", "key"),
    [
        (Limit, "rate"),
        (lambda: Limit("1 requests/s", concurrency=1), "concurrency"),
        (lambda: Limit(concurrency=1, burst=2), "burst"),
        (lambda: Limit(5), "rate"),
        (lambda: Limit("1 requests/s", per="user"), "per"),
        (lambda: Limit("1 requests/s", where={"a": []}), "where"),
        (lambda: Limit("1 requests/s", name="a\nb"), "name"),
        (lambda: Budget("1", period="dya"), "period"),
        (lambda: Budget("1", period="day", timezone="Mars/Base"), "timezone"),
        (lambda: Budget("1", period="day", warn_at=0.5), "warn_at"),
        (lambda: Tier("a", model="m", price={"input": "1"}), "price"),
        (lambda: Tier("a", model="m", price={"input": "x", "output": "1"}), "input"),
        (lambda: BackendSettings("a", kind="vllm"), "url"),
        (lambda: BackendSettings("a", kind="openai", timeout_s=float("nan")), "timeout_s"),
        (lambda: Routing(share={"a": 0.6, "b": 0.6}), "share"),
        (lambda: CacheSettings(ttl_s=-1), "ttl_s"),
        (lambda: Policy(version=2), "version"),
        (lambda: Policy(timezone="Mars/Base"), "timezone"),
        (lambda: Policy(tiers=["small"]), "tiers"),
        (lambda: Policy(limits=[Limit("1 requests/s", replaces=["x"])]), "replaces"),
        (lambda: Policy(backends=[BackendSettings("a", kind="openai")] * 2), "name"),
    ],
)
def test_a_mistake_in_code_begins_with_its_argument(make: object, key: str) -> None:
    with pytest.raises(ConfigError, match=rf"^{key}\b"):
        make()  # type: ignore[operator]


def test_a_policy_in_code_names_all_broken_relations() -> None:
    with pytest.raises(ConfigError) as caught:
        Policy(
            tiers=[Tier("a", model="m", backend="x")],
            backends=[BackendSettings("y", kind="openai")],
            routing=Routing(share={"b": 0.5}),
        )
    assert [problem.path for problem in caught.value.problems] == [("tier", 0, "backend"), ("routing", "share", "b")]


def test_a_backend_may_come_from_code() -> None:
    policy = Policy(tiers=[Tier("a", model="m", backend="mine")])
    assert [str(problem) for problem in lint(policy)] == [
        "tier 'a': backend 'mine' is not in the policy, so code must give it"
    ]


def test_files_that_cannot_be_read_are_said_in_a_line(tmp_path: Path) -> None:
    good = tmp_path / "good.toml"
    good.write_bytes(b"\xef\xbb\xbf" + EXAMPLE.replace("\n", "\r\n").encode())
    assert Policy.from_toml(good) == Policy.from_text(EXAMPLE)
    for name, data, sentence in [
        ("big.toml", b"#" * 1_000_001, "1:1: a file of more than 1000000 bytes"),
        ("latin.toml", "version = 1\n# caf\xe9\n".encode("latin-1"), "2:6: byte 0xe9 is not UTF-8"),
        ("wide.toml", "version = 1\n".encode("utf-16"), "1:1: byte 0xff is not UTF-8"),
    ]:
        path = tmp_path / name
        path.write_bytes(data)
        with pytest.raises(ConfigError, match=f"^{re.escape(f'{path}:{sentence}')}"):
            Policy.from_toml(path)
    for path, sentence in [
        (tmp_path / "none.toml", "no such file; write one with `tierkit init`"),
        (tmp_path, "cannot be read"),
        ("a\0b", "cannot be read"),
    ]:
        with pytest.raises(ConfigError, match=sentence) as caught:
            Policy.from_toml(path)
        assert "\n" not in str(caught.value)


def test_reading_a_policy_loads_little() -> None:
    heavy = ("dataclasses", "numpy", "httpx2", "onnxruntime", "asyncio", "tomllib", "difflib")
    code = "import sys, tierkit.policy as p; p.Policy.from_text('version = 1'); "
    code += f"print([m for m in {heavy} if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
