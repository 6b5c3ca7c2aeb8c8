"""The file that `tierkit init` writes: a policy that loads as it is and explains every key in a line."""

from __future__ import annotations

__all__ = ["INIT_TEXT"]

INIT_TEXT = """\
# The policy of tierkit: which models may answer, how often, and for how much money.
# `tierkit check` says what is wrong with it. Lines that begin with '# key =' show a further key or its default.

version = 1                               # of this file's format
timezone = "UTC"                          # IANA zone in which days, weeks and months begin
on_missing_price = "refuse"               # or "ceiling": charge a model without a price the dearest known one
on_state_error = "refuse"                 # or "allow": let requests pass while the ledger cannot be written
# reservation_ttl = "660s"                # after this time a reservation that nobody settled is posted in full

# Tiers: the models that may answer, cheapest first.

[[tier]]
name = "small"                            # the word that shares and rules use
backend = "openai"                        # a [backend.NAME] below; leave it out if your program calls the model itself
model = "gpt-5-mini"                      # as the server knows it
# max_output_tokens = 4096                # upper bound of each answer of this tier
# supports = ["tools", "vision", "json"]  # what it can do, if not all; others never get such a request
# context_tokens = 400000                 # input and output that fit together, if the model's maker does not say

[[tier]]
name = "large"
backend = "openai"
model = "gpt-5"
# price.input = "1.25 USD/Mtok"           # a price of your own instead of the price book's; own servers always need one
# price.output = "10 USD/Mtok"
# price.cache_read = "0.125 USD/Mtok"     # input read from the server's prompt cache; as input if left out
# price.cache_write = "1.25 USD/Mtok"     # input written to it; as input if left out

# Backends: the servers. Keys stay in environment variables, never in this file.

[backend.openai]
kind = "openai"                           # vllm | sglang | openai | anthropic | gemini | openai_compatible
api_key_env = "OPENAI_API_KEY"            # name of the variable that holds the key
# url = "https://api.openai.com/v1"       # needed for vllm, sglang and openai_compatible
# timeout = "600s"                        # longest whole call
# connect_timeout = "5s"                  # longest wait for a connection
# first_byte_timeout = "60s"              # longest wait until an answer begins
# chunk_timeout = "30s"                   # longest silence inside a stream
# allow_link_local = false                # true permits 169.254.x.x, where cloud machines keep their credentials

[routing]
share = { large = 0.20 }                  # part of the requests, the hardest ones; the cheapest tier takes the rest
# default = "small"                       # tier for requests that cannot be scored
# pace = "team-daily"                     # a budget without per: its money is spread over its period
# pace_mode = "enforce"                   # or "observe": show the pace, change no share
# mode = "enforce"                        # or "observe": count what routing would do, and do the default
# quota = 0.30                            # most of each key's requests above the cheapest tier, whatever they score
# quota_per = ["user"]                    # labels whose values are that key
# quota_burst = 5                         # requests that a key may send there ahead of its quota
# money_quota = 0.50                      # most of each key's money above the cheapest tier
# money_burst = "1 USD"                   # money that a key may spend there ahead of it
# feedback = true                         # keep features of requests, to learn from what governor.feedback says of them
# explore = 0.01                          # part of the requests near a threshold that go to the other tier, to learn
# shadow = 0.005                          # part of the requests that a second tier answers too, to be judged
# shadow_tier = "large"                   # that tier; left out: the cheapest or the strongest, whichever did not serve
# shadow_budget = "second-answers"        # what pays for it, and for nothing else: see the budget below
# session = ["session"]                   # labels that name a session: it keeps its tier, moving up only
# session_idle_s = 300                    # silence after which a session may fall again
#
# [[routing.rules]] with the lines below: what no score may overrule; of several that match all hold.
#   where = { feature = "legal" }           label = value or list of values
#   at_least = "large"                      never below; also at_most = "small", or pin = "small", the only one

# Limits: rates and slots. All that match apply together; a refusal names the rule and the wait.

[[limit]]
name = "user-rpm"                         # unique; shown in refusals and reports
rate = "60 requests/minute"               # or input_tokens, output_tokens, total_tokens, usd per 10s, hour, day
burst = 10                                # units that may pass at once; the amount of one period if left out
per = ["user"]                            # labels whose values get a bucket each
mode = "enforce"                          # or "observe": count what would be refused, refuse nothing
# where = { feature = ["chat", "search"] }  # when the rule applies: label = value or list of values
# replaces = ["other-rule"]               # rules that are switched off where this one matches

[[limit]]
name = "slots"
concurrency = 32                          # requests that run at once, instead of a rate
where = { backend = "openai" }

# Budgets: money per window. Never overspent while reservations hold.

[[budget]]
name = "team-daily"
amount = "25 USD"                         # text, so that no cent is rounded
period = "day"                            # hour | day | week | month | year | total | "30d" for elapsed time
per = ["team"]
on_exhausted = "refuse"                   # or "downgrade": only tiers that still fit
warn_at = [0.5, 0.8]                      # parts of the amount that raise an alert
mode = "enforce"                          # new budgets may start with "observe"
# timezone = "Europe/Berlin"              # of this budget alone

# [[budget]]
# name = "second-answers"
# amount = "1 USD"
# period = "day"
# where = { purpose = "shadow" }

[cache]
enabled = true                            # equal requests are answered again without a call
semantic = false                          # true also answers near-equal questions
ttl = "1h"                                # how long an answer lives
per = ["org"]                             # labels that must be equal for an answer to be shared
# capacity = "256 MiB"                    # answers and vectors together
# min_similarity = 0.9                    # cosine below which nothing is a hit; calibrated if left out
"""
