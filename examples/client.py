"""The client makes the call: complete and stream, settled whatever happens.

Run: python examples/client.py                          (a backend without a server, to see the shape)
     python examples/client.py http://127.0.0.1:8000    (a server that speaks the OpenAI API: vLLM, SGLang, llama.cpp)
"""

import sys

import tierkit as tk
from tierkit.backends import OpenAICompatibleBackend
from tierkit.testing import MockBackend

price = {"input": "0.05 USD/Mtok", "output": "0.20 USD/Mtok"}
policy = tk.Policy(
    tiers=[tk.Tier("small", model="Qwen/Qwen3-8B", backend="own", price=price)],
    budgets=[tk.Budget("1 USD", period="day", per=["team"])],
)
backend = (
    OpenAICompatibleBackend(sys.argv[1], kind="vllm") if len(sys.argv) > 1 else MockBackend(["Blue scatters most."])
)
labels = {"team": "search"}

with tk.Governor(policy) as governor, tk.Client(governor, backends={"own": backend}) as client:
    answer = client.complete("Why is the sky blue?", labels=labels)
    print(answer.text, "-", answer.tier, answer.usage, answer.cost, "USD")
    with client.stream("And at sunset?", labels=labels) as stream:
        for chunk in stream:
            print(chunk.text, end="|")
    print("-", stream.usage, stream.cost, "USD")
