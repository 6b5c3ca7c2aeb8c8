"""A governor around calls that you make yourself, with any client: admit, call, settle.

Run: python examples/govern_any_client.py
"""

import tierkit as tk

POLICY = """
version = 1
[[tier]]
name = "small"
backend = "own"
model = "Qwen/Qwen3-8B"
price = { input = "0.05 USD/Mtok", output = "0.20 USD/Mtok" }
[[tier]]
name = "large"
backend = "api"
model = "gpt-5"
[backend.own]
kind = "vllm"
url = "http://127.0.0.1:8000"
[backend.api]
kind = "openai"
api_key_env = "OPENAI_API_KEY"
[routing]
share = { large = 0.20 }
[[budget]]
name = "team-daily"
amount = "0.01 USD"
period = "day"
per = ["team"]
[cache]
enabled = true
"""


def call(model: str, question: str) -> tuple[str, tk.Usage]:
    """Stand where your own call stands: it returns the answer and the usage that the server reports."""
    text = f"{model} on {question!r}"
    return text, tk.Usage(input_tokens=int(tk.count_tokens(question, model=model)), output_tokens=8)


governor = tk.Governor(tk.Policy.from_text(POLICY))
for question in ["What is 2 + 2?", "Prove that there are infinitely many primes.", "What is 2 + 2?"]:
    try:
        with governor.admit(question, labels={"team": "search"}, max_output_tokens=500) as admission:
            if admission.hit is not None:
                print("cached:", admission.hit.value.decode(), "- saved", admission.hit.saved, "USD")
                continue
            answer, usage = call(admission.model, question)
            print(admission.tier, admission.settle(usage, answer=answer), "USD")
    except tk.Refused as refusal:
        print("refused by", refusal.rule, "- retry after", refusal.retry_after_s, "s")
for row in governor.balances():
    print(row.rule, row.key, row.posted, "of", row.limit, "USD spent")
