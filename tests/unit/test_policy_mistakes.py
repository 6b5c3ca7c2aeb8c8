"""Every mistake of a policy file, with its place and its sentence (fault F1); those of rules have a table of their own."""
# ruff: noqa: E501 - a sentence of a message stays on one line, as users see it

from __future__ import annotations

import pytest
from unit.policy_rule_mistakes import RULE_MISTAKES

from tierkit.errors import ConfigError
from tierkit.policy import Policy

HEAD = "version = 1\n"
TIER = '[[tier]]\nname = "small"\nmodel = "m"\n'
BACKEND = '[backend.a]\nkind = "openai"\n'

# Each: text, then `line:column: sentence` for each mistake.
MISTAKES: list[tuple[str, list[str]]] = [
    (
        "",
        ["1:1: version is missing: add the line version = 1"],
    ),
    (
        "# only a comment\n",
        ["1:1: version is missing: add the line version = 1"],
    ),
    (
        "version = 2\nlmit = 3\n",
        ["1:11: version '2': this tierkit reads version 1; install the one it was written for"],
    ),
    (
        'version = "1"\n',
        ["1:11: version: expected a whole number without quotes, found text '1'"],
    ),
    (
        "version = 1.0\n",
        ["1:11: version: expected a whole number without quotes, found a number with a point '1.0'"],
    ),
    (
        "version = true\n",
        ["1:11: version: expected a whole number without quotes, found 'true'"],
    ),
    (
        HEAD + HEAD,
        ["2:1: key 'version' is given twice: keep one; lists of tables take two brackets, [[limit]]"],
    ),
    (
        HEAD + "x = [\n",
        ["2:6: not TOML: unclosed array, expected ']'"],
    ),
    (
        HEAD + "[cache]\nenabled = no\n",
        ["3:11: 'no' is not a TOML value: write false"],
    ),
    (
        HEAD + "[cache]\nenabled = True\n",
        ["3:11: 'True' is not a TOML value: write true"],
    ),
    (
        HEAD + "[cache]\nper = None\n",
        ["3:7: 'None' is not a TOML value: leave the line out"],
    ),
    (
        HEAD + "timezone = Europe/Berlin\n",
        ['2:12: text without quotes: write it as "..."; whole numbers and true or false stand without'],
    ),
    (
        HEAD + "timezone = 'UTC\n",
        ["2:16: not TOML: invalid literal string, expected '''"],
    ),
    (
        HEAD + 'timezone = "a\\qb"\n',
        ["2:15: not TOML: missing escaped value, expected 'b', 'e', 'f', 'n', 'r', '\\', '\"', 'x', 'u', 'U'"],
    ),
    (
        "version: 1\n",
        [
            "1:8: not TOML: invalid unquoted key, expected letters, numbers, '-', '_'",
            "1:10: not TOML: key with no value, expected '='",
        ],
    ),
    (
        HEAD + "[cache\n",
        ["2:7: not TOML: unclosed table, expected ']'"],
    ),
    (
        HEAD + "ti\x00me = 1\n",
        ["2:3: not TOML: invalid unquoted key, expected letters, numbers, '-', '_'"],
    ),
    (
        HEAD + "[cache]\n[cache]\n",
        ["3:2: key 'cache' is given twice: keep one; lists of tables take two brackets, [[limit]]"],
    ),
    (
        HEAD + "[cache]\nttl = '1h'\nttl = '2h'\n",
        ["4:1: key 'ttl' is given twice: keep one; lists of tables take two brackets, [[limit]]"],
    ),
    (
        HEAD + "tiers = []\n",
        ["2:1: unknown key 'tiers' in the policy (did you mean 'tier'?)"],
    ),
    (
        HEAD + "[limits]\n",
        ["2:2: unknown key 'limits' in the policy (did you mean 'limit'?)"],
    ),
    (
        HEAD + "zzzzzz = 1\n",
        [
            "2:1: unknown key 'zzzzzz' in the policy; known are version, timezone, on_missing_price, on_state_error, reservation_ttl, tier, backend, routing, limit, budget, cache"
        ],
    ),
    (
        HEAD + "[limit]\nrate = '1 requests/s'\n",
        ["2:2: limit: expected two pairs of brackets, [[limit]], one for each limit"],
    ),
    (
        HEAD + "tier = 3\n",
        ["2:1: tier: expected two pairs of brackets, [[tier]], one for each tier"],
    ),
    (
        HEAD + "[[routing]]\n",
        ["2:3: routing: expected a table with one pair of brackets, [routing]"],
    ),
    (
        HEAD + "[[backend]]\n",
        ["2:3: backend: expected one table for each server, such as [backend.openai]"],
    ),
    (
        HEAD + "backend = 'openai'\n",
        ["2:1: backend: expected one table for each server, such as [backend.openai]"],
    ),
    (
        HEAD + "[cache]\ntimezone = 'UTC'\n",
        ["3:1: unknown key 'timezone' in [cache]: it belongs at the top of the file, above the first [table]"],
    ),
    (
        HEAD + "timezone = 'Europe/Berln'\n",
        ["2:12: timezone 'Europe/Berln': not an IANA zone; write one such as 'UTC' or 'Europe/Berlin'"],
    ),
    (
        HEAD + "timezone = 3\n",
        ["2:12: timezone: expected text, found a whole number '3'; write timezone = \"Europe/Berlin\""],
    ),
    (
        HEAD + "on_missing_price = 'refus'\n",
        ["2:20: on_missing_price 'refus': expected refuse or ceiling (did you mean 'refuse'?)"],
    ),
    (
        HEAD + "on_state_error = 'ceiling'\n",
        ["2:18: on_state_error 'ceiling': expected refuse or allow"],
    ),
    (
        HEAD + "reservation_ttl = 660\n",
        [
            "2:19: reservation_ttl: expected a time with its unit, found a whole number '660'; write reservation_ttl = \"660s\""
        ],
    ),
    (
        HEAD + "reservation_ttl = '0s'\n",
        ["2:19: reservation_ttl '0s': expected whole seconds, at least 1s"],
    ),
    (
        HEAD + "reservation_ttl = '1 fortnight'\n",
        [
            "2:19: reservation_ttl '1 fortnight': expected a whole number and a unit (ms, s, m, h, d, w) such as '90s' or '1h'"
        ],
    ),
    (
        HEAD + "[[tier]]\n",
        ['2:1: name is missing: add the line name = "small"', '2:1: model is missing: add the line model = "gpt-5"'],
    ),
    (
        HEAD + "[[tier]]\nname = 3\nmodel = ''\n",
        ["3:8: name: expected text, found a whole number '3'; write name = \"...\""],
    ),
    (
        HEAD + TIER + "contxt_tokens = 5\n",
        ["5:1: unknown key 'contxt_tokens' in [[tier]] (did you mean 'context_tokens'?)"],
    ),
    (
        HEAD + TIER + "context_tokens = '5'\n",
        ["5:18: context_tokens: expected a whole number without quotes, found text '5'"],
    ),
    (
        HEAD + TIER + "context_tokens = 0\n",
        ["5:18: context_tokens '0': expected a whole number from 1 on"],
    ),
    (
        HEAD + TIER + "context_tokens = 5\nmax_output_tokens = 6\n",
        ["6:21: max_output_tokens '6': more than context_tokens, 5; lower it"],
    ),
    (
        HEAD + TIER + TIER,
        ["6:8: name 'small': two tiers are called so; give each its own"],
    ),
    (
        HEAD + TIER + "price = '1 USD/Mtok'\n",
        ["5:9: price: expected a table, found text '1 USD/Mtok'; see the example of `tierkit init`"],
    ),
    (
        HEAD + TIER + "price = { input = 0.05, output = '0.2 USD/Mtok' }\n",
        [
            "5:19: input: expected a price with its unit, found a number with a point '0.05'; write input = \"0.05 USD/Mtok\""
        ],
    ),
    (
        HEAD + TIER + "price = { input = '5 EUR/Mtok', outptu = '1 USD/Mtok' }\n",
        [
            '5:9: output is missing: add the line output = "0.20 USD/Mtok"',
            "5:19: input '5 EUR/Mtok': expected USD per million tokens from 0 on, such as '0.05 USD/Mtok'",
            "5:33: unknown key 'outptu' in price of [[tier]] (did you mean 'output'?)",
        ],
    ),
    (
        HEAD + TIER + "price = { input = '-1 USD/Mtok', output = '0' }\n",
        ["5:19: input '-1 USD/Mtok': expected USD per million tokens from 0 on, such as '0.05 USD/Mtok'"],
    ),
    (
        HEAD + TIER + "backend = 'b'\n" + BACKEND,
        ["5:11: backend 'b' of tier 'small': not in the policy; add it"],
    ),
    (
        HEAD + "[backend.a]\n",
        ['2:1: kind is missing: add the line kind = "openai"'],
    ),
    (
        HEAD + "[backend.a]\nkind = 'vlm'\nurl = 'http://h'\n",
        [
            "3:8: kind 'vlm': expected vllm or sglang or openai or anthropic or gemini or openai_compatible (did you mean 'vllm'?)"
        ],
    ),
    (
        HEAD + "[backend.a]\nkind = 'vllm'\n",
        ['2:1: url: missing; a vllm server has no address of its own, write url = "http://127.0.0.1:8000"'],
    ),
    (
        HEAD + BACKEND + "url = 'file:///etc/passwd'\n",
        ["4:7: url 'file:///etc/passwd': scheme 'file', expected 'http' or 'https'"],
    ),
    (
        HEAD + BACKEND + "url = 'http://169.254.169.254/'\n",
        [
            "4:7: url 'http://169.254.169.254/': 169.254.169.254 is a link-local or metadata address, which is refused; set allow_link_local if a model server really listens there"
        ],
    ),
    (
        HEAD + BACKEND + "url = 'https://user:hunter2@h/'\n",
        ["4:7: url: holds a user, a query or a fragment, perhaps a key; name its variable in api_key_env"],
    ),
    (
        HEAD + BACKEND + "api_key = 'sk-hunter2'\n",
        [
            "4:1: unknown key 'api_key' in [backend.a]: a policy holds no keys; write api_key_env = \"OPENAI_API_KEY\", the name of the environment variable that does"
        ],
    ),
    (
        HEAD + BACKEND + "api_key_env = 'sk-hunter2-abc'\n",
        [
            "4:15: api_key_env: expected the name of an environment variable such as 'OPENAI_API_KEY', not the key itself"
        ],
    ),
    (
        HEAD + BACKEND + "api_key_env = 42\n",
        ['4:15: api_key_env: expected the name of an environment variable in quotes, such as "OPENAI_API_KEY"'],
    ),
    (
        HEAD + BACKEND + "timeout = 60\n",
        ["4:11: timeout: expected a time with its unit, found a whole number '60'; write timeout = \"60s\""],
    ),
    (
        HEAD + BACKEND + "timeout = '0s'\n",
        ["4:11: timeout '0s': expected more than zero"],
    ),
    (
        HEAD + BACKEND + "allow_link_local = 'yes'\n",
        ["4:20: allow_link_local: expected true or false without quotes, found text 'yes'"],
    ),
    (
        HEAD + TIER + "[routing]\nshare = 0.2\n",
        ["6:9: share: expected a table, found a number with a point '0.2'; write share = { large = 0.20 }"],
    ),
    (
        HEAD + TIER + "[routing]\nshare = { large = 0.2 }\n",
        ["6:19: share of 'large': no tier is called so"],
    ),
    (
        HEAD + TIER + "[routing]\nshare = { small = 1.5 }\n",
        ["6:19: share.small: expected a number from 0 to 1, found a number with a point '1.5'"],
    ),
    (
        HEAD + TIER + "[routing]\nshare = { small = nan }\n",
        ["6:19: share.small: expected a number from 0 to 1, found a number with a point 'nan'"],
    ),
    (
        HEAD + TIER + "[routing]\nshare = { small = 0.5 }\n",
        ["6:19: share of 'small': the parts sum to 0.5, expected 1 when the cheapest tier has one; leave it out"],
    ),
    (
        HEAD + TIER + '[[tier]]\nname = "large"\nmodel = "m"\n[routing]\nshare = { large = 0.7, small = 0.7 }\n',
        ["9:9: share: the parts sum to 1.4, expected at most 1; lower one of them"],
    ),
    (
        HEAD + TIER + "[routing]\ndefault = 'smal'\nmagic = 1\n",
        [
            "6:11: default 'smal': no tier is called so (did you mean 'small'?)",
            "7:1: unknown key 'magic' in [routing]; known are share, default, pace, quota, quota_per, quota_burst, session, session_idle_s, mode, pace_mode, money_quota, money_burst, feedback, explore, shadow, shadow_tier, shadow_budget, rules",
        ],
    ),
    (
        HEAD + "[cache]\nsemantic = 'no'\n",
        ["3:12: semantic: expected true or false without quotes, found text 'no'"],
    ),
    (
        HEAD + "[cache]\nsemantic = 1\n",
        ["3:12: semantic: expected true or false without quotes, found a whole number '1'"],
    ),
    (
        HEAD + "[cache]\nttl = 3600\n",
        ["3:7: ttl: expected a time with its unit, found a whole number '3600'; write ttl = \"3600s\""],
    ),
    (
        HEAD + "[cache]\nttl = '1500ms'\n",
        ["3:7: ttl '1500ms': expected whole seconds"],
    ),
    (
        HEAD + "[cache]\ncapacity = 100\n",
        ["3:12: capacity: expected a size with its unit, found a whole number '100'; write capacity = \"256 MiB\""],
    ),
    (
        HEAD + "[cache]\ncapacity = '1 mb'\n",
        ["3:12: capacity '1 mb': expected a whole number and a unit (kB, MB, GB, KiB, MiB, GiB) such as '256 MiB'"],
    ),
    (
        HEAD + "[cache]\ncapacity = '0 B'\n",
        ["3:12: capacity '0': expected a whole number from 1 on"],
    ),
    (
        HEAD + "[cache]\nmin_similarity = 1.01\n",
        ["3:18: min_similarity: expected a number from 0 to 1, found a number with a point '1.01'"],
    ),
    (
        HEAD + "[cache]\nmin_similarity = inf\n",
        ["3:18: min_similarity: expected a number from 0 to 1, found a number with a point 'inf'"],
    ),
    (
        HEAD + "[cache]\nsematic = true\n",
        ["3:1: unknown key 'sematic' in [cache] (did you mean 'semantic'?)"],
    ),
    (
        "# é\n" + HEAD + '"ü" = 1  # ü\n',
        [
            "3:1: unknown key 'ü' in the policy; known are version, timezone, on_missing_price, on_state_error, reservation_ttl, tier, backend, routing, limit, budget, cache"
        ],
    ),
    (
        HEAD
        + TIER
        + TIER.replace("small", "large")
        + '[routing]\nshare = { large = 0.2 }\nshadow = 0.01\nshadow_budget = "s"\n'
        + '[[budget]]\nname = "s"\namount = "1 USD"\nperiod = "day"\n',
        ["""11:17: shadow_budget 's': pays for other requests too; give it where = { purpose = "shadow" }"""],
    ),
]


@pytest.mark.parametrize(("text", "lines"), MISTAKES + RULE_MISTAKES)
def test_each_mistake_is_said_with_its_place(text: str, lines: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        Policy.from_text(text, "tierkit.toml")
    assert str(caught.value).split("\n") == [f"tierkit.toml:{line}" for line in lines]
    assert [f"{problem.line}:{problem.column}: {problem.message}" for problem in caught.value.problems] == lines


def test_the_table_is_long_enough_to_mean_something() -> None:
    assert len(MISTAKES + RULE_MISTAKES) > 100
