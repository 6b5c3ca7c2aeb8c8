"""Limits alone: rates and slots by label, exact, without a governor.

Run: python examples/limits.py
"""

import tierkit as tk

limiter = tk.Limiter(
    [
        tk.Limit("3 requests/minute", name="user-requests", per=["user"]),
        tk.Limit("1000 total_tokens/minute", name="team-tokens", per=["team"]),
        tk.Limit(concurrency=2, name="gpu-slots"),
    ]
)
ada = {"team": "search", "user": "ada"}

running = [limiter.take(ada, input_tokens=200, output_tokens=100) for _ in range(2)]
third = limiter.take(ada, input_tokens=200, output_tokens=100)
print(third)  # both slots are held: who refuses, what it needs, what is left, until when

# The first answer was shorter than expected: say so, and its slot and its unused tokens come back.
limiter.settle(running[0], output_tokens=20)
print(bool(limiter.take(ada, input_tokens=200, output_tokens=100)))

# A hot path matches its labels once and takes in a fraction of a microsecond.
grace = tk.Limiter([tk.Limit("50 requests/second", per=["user"])]).bind({"user": "grace"})
print(sum(1 for _ in range(200) if grace.take()), "of 200 at once")
