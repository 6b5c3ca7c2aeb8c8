"""Every mistake of the limits and budgets of a policy file, with its place and its sentence (fault F1)."""
# ruff: noqa: E501 - a sentence of a message stays on one line, as users see it

from __future__ import annotations

HEAD = "version = 1\n"
LIMIT = '[[limit]]\nrate = "1 requests/s"\n'
BUDGET = '[[budget]]\namount = "1 USD"\nperiod = "day"\n'

# Each: text, then `line:column: sentence` for each mistake.
RULE_MISTAKES: list[tuple[str, list[str]]] = [
    (
        HEAD + "[[limit]]\n",
        ['2:1: rate: missing; write rate = "60 requests/minute", or concurrency = 32 for slots'],
    ),
    (
        HEAD + "[[limit]]\nrate = '60 tokns/minute'\n",
        ["3:8: rate '60 tokns/minute': unknown dimension 'tokns' (did you mean 'input_tokens'?)"],
    ),
    (
        HEAD + "[[limit]]\nrate = '60 requests/fortnight'\n",
        [
            "3:8: rate '60 requests/fortnight': unknown period 'fortnight'; expected second, minute, hour, day, week, or a number of them such as '10s'"
        ],
    ),
    (
        HEAD + "[[limit]]\nrate = 60\n",
        ["3:8: rate: expected text, found a whole number '60'; write rate = \"60 requests/minute\""],
    ),
    (
        HEAD + "[[limit]]\nrate = '1e400 requests/s'\n",
        [
            "3:8: rate '1e400 requests/s': '1e400' is not an amount; expected 'AMOUNT DIMENSION/PERIOD' such as '60 requests/minute'"
        ],
    ),
    (
        HEAD + LIMIT + "burst = 1.5\n",
        ["4:9: burst: expected a whole number without quotes, found a number with a point '1.5'"],
    ),
    (
        HEAD + LIMIT + "burst = 0\n",
        ["4:9: burst '0': expected a whole number from 1 on"],
    ),
    (
        HEAD + LIMIT + "burst = 99999999999999999999\n",
        [
            "4:9: burst: expected a whole number without quotes, found a number of more than 64 bits '99999999999999999999'"
        ],
    ),
    (
        HEAD + LIMIT + "concurrency = 3\n",
        ["4:15: concurrency: stands beside a rate; write two limits, one for each"],
    ),
    (
        HEAD + "[[limit]]\nconcurrency = -1\n",
        ["3:15: concurrency '-1': expected a whole number from 1 on"],
    ),
    (
        HEAD + LIMIT + "per = 'user'\n",
        ["4:7: per: expected a list of texts, found text 'user'; write per = [\"user\"]"],
    ),
    (
        HEAD + LIMIT + "per = ['user', 3]\n",
        ["4:16: per: expected text in quotes, as in [\"user\"], found a whole number '3'"],
    ),
    (
        HEAD + LIMIT + "per = ['user', 'user']\n",
        ["4:7: per 'user': named twice; keep one"],
    ),
    (
        HEAD + LIMIT + "where = 'x'\n",
        ["4:9: where: expected a table, found text 'x'; write where = { team = \"search\" }"],
    ),
    (
        HEAD + LIMIT + "where = { team = 3 }\n",
        ["4:18: where.team: expected text, found a whole number '3'; write where.team = \"search\""],
    ),
    (
        HEAD + LIMIT + "where = { team = [] }\n",
        ["4:18: where.team: an empty list matches nothing; give a value or take the label out"],
    ),
    (
        HEAD + LIMIT + "where = { team = ['a', true] }\n",
        ["4:24: where.team: expected text in quotes, as in [\"search\"], found 'true'"],
    ),
    (
        HEAD + LIMIT + "mode = 'obsrve'\n",
        ["4:8: mode 'obsrve': expected enforce or observe (did you mean 'observe'?)"],
    ),
    (
        HEAD + LIMIT + "mode = false\n",
        ["4:8: mode: expected text, found 'false'; write mode = \"enforce\""],
    ),
    (
        HEAD + LIMIT + "name = 'ü'\n",
        ["4:8: name 'ü': expected 1 to 64 printable ASCII characters"],
    ),
    (
        HEAD + LIMIT + "name = 'a'\n" + LIMIT + "name = 'a'\n",
        ["7:8: name 'a': two rules are called so; give each its own"],
    ),
    (
        HEAD + LIMIT + "replaces = ['limt-2']\n" + LIMIT,
        ["4:13: replaces 'limt-2': no rule is called so (did you mean 'limit-2'?)"],
    ),
    (
        HEAD + LIMIT + "replaces = ['limit-2']\n" + LIMIT + "replaces = ['limit-1']\n",
        [
            "4:12: replaces: rule 'limit-1' would switch itself off; take one out of the circle",
            "7:12: replaces: rule 'limit-2' would switch itself off; take one out of the circle",
        ],
    ),
    (
        HEAD + LIMIT + "replaces = ['limit-1']\n",
        ["4:12: replaces: rule 'limit-1' would switch itself off; take one out of the circle"],
    ),
    (
        HEAD + "[[budget]]\n",
        [
            '2:1: amount is missing: add the line amount = "25 USD"',
            '2:1: period is missing: add the line period = "day"',
        ],
    ),
    (
        HEAD + "[[budget]]\namount = 25\nperiod = 'day'\n",
        ["3:10: amount: expected an amount with its currency, found a whole number '25'; write amount = \"25 USD\""],
    ),
    (
        HEAD + "[[budget]]\namount = 25.5\nperiod = 'day'\n",
        [
            "3:10: amount: expected an amount with its currency, found a number with a point '25.5'; write amount = \"25.5 USD\""
        ],
    ),
    (
        HEAD + "[[budget]]\namount = '10 dollars'\nperiod = 'day'\n",
        ["3:10: amount '10 dollars': expected a decimal number of USD such as '0.25'"],
    ),
    (
        HEAD + "[[budget]]\namount = '1e400'\nperiod = 'day'\n",
        ["3:10: amount '1e400': outside the range of +-9.2 billion USD"],
    ),
    (
        HEAD + "[[budget]]\namount = '-1 USD'\nperiod = 'day'\n",
        ["3:10: amount '-1': below zero; expected an amount from 0 on such as '25 USD'"],
    ),
    (
        HEAD + "[[budget]]\namount = '0.0000000001 USD'\nperiod = 'day'\n",
        ["3:10: amount '0.0000000001 USD': more precise than 10^-9 USD, the smallest unit kept"],
    ),
    (
        HEAD + "[[budget]]\namount = '1 USD'\nperiod = 'dya'\n",
        [
            "4:10: period 'dya': expected hour, day, week, month, year, total or elapsed time such as '30d' or '5h' (did you mean 'day'?)"
        ],
    ),
    (
        HEAD + "[[budget]]\namount = '1 USD'\nperiod = 2026-01-01\n",
        ["4:10: period: expected text, found a date '2026-01-01'; write period = \"day\""],
    ),
    (
        HEAD + BUDGET + "timezone = '\ufeffUTC'\n",
        [r"5:12: timezone '\u{feff}UTC': not an IANA zone; write one such as 'UTC' or 'Europe/Berlin'"],
    ),
    (
        HEAD + BUDGET + "timezone = 'Mars/Base'\n",
        ["5:12: timezone 'Mars/Base': not an IANA zone; write one such as 'UTC' or 'Europe/Berlin'"],
    ),
    (
        HEAD + BUDGET + "on_exhausted = 'downgrad'\n",
        ["5:16: on_exhausted 'downgrad': expected refuse or downgrade (did you mean 'downgrade'?)"],
    ),
    (
        HEAD + BUDGET + "warn_at = 0.5\n",
        ["5:11: warn_at: expected a list of numbers, found a number with a point '0.5'; write warn_at = [0.5, 0.8]"],
    ),
    (
        HEAD + BUDGET + "warn_at = [0.5, 1.5]\n",
        ["5:17: warn_at: expected a number from 0 to 1, found a number with a point '1.5'"],
    ),
    (
        HEAD + BUDGET + "warn_at = [0.0]\n",
        ["5:11: warn_at '0': would warn before anything is spent; expected numbers above 0 up to 1"],
    ),
    (
        HEAD + BUDGET + "warn_at = [1e400]\n",
        ["5:12: warn_at: expected a number from 0 to 1, found a number with a point '1e400'"],
    ),
    (
        HEAD + BUDGET + "rate = '1 requests/s'\n",
        [
            "5:1: unknown key 'rate' in [[budget]]; known are name, per, where, mode, replaces, amount, period, on_exhausted, warn_at, timezone"
        ],
    ),
    (
        HEAD + "on_missing_price = 'x'\n" + LIMIT + "burst = '1'\nper = 1\n" + BUDGET + "mode = 'x'\nwarn_at = 2\n",
        [
            "2:20: on_missing_price 'x': expected refuse or ceiling",
            "5:9: burst: an amount of money beside a rate of requests; expected a whole number of requests, such as 10",
            "6:7: per: expected a list of texts, found a whole number '1'; write per = [\"user\"]",
            "10:8: mode 'x': expected enforce or observe",
            "11:11: warn_at: expected a list of numbers, found a whole number '2'; write warn_at = [0.5, 0.8]",
        ],
    ),
]
