"""The cache alone: equal questions, and near-equal ones only where you allow them; nothing crosses a namespace.

With a path the answers outlive the program, and every process that opens the file shares them.

Run: python examples/cache.py
"""

import tempfile
from pathlib import Path

import tierkit as tk

texts = ["How do I reset my password?", "How can I reset my password?", "How do I cancel order 17?"]
vectors = tk.cache.embed_many(texts)  # or embeddings of your own
cache = tk.SemanticCache(dim=vectors.shape[1], capacity=10_000)
cache.put(
    namespace="acme", key=b"q1", text=texts[0], embedding=vectors[0], value=b"Use the link below the form.", ttl_s=60
)

equal = cache.get(namespace="acme", key=b"q1", text=texts[0])
near = cache.get(namespace="acme", key=b"q2", text=texts[1], embedding=vectors[1], min_similarity=0.8)
other = cache.get(namespace="acme", key=b"q3", text=texts[2], embedding=vectors[2], min_similarity=0.8)
foreign = cache.get(namespace="initech", key=b"q1", text=texts[0], embedding=vectors[0], min_similarity=0.8)
print("equal:", equal and equal.exact, "- near:", near and round(near.similarity, 3))
print("another question:", other, "- another namespace:", foreign)

# Two texts that look alike and are not: the guards say why.
print(cache.decide("Cancel order 17", "Cancel order 18", 0.98).reasons)

# In a file: the second cache, in this process or another, finds what the first one put, and follows its purge.
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "cache.db"
    with tk.SemanticCache(path=path) as first:
        first.put(namespace="acme", key=b"q1", value=b"Use the link.", ttl_s=3600, saved="0.002", tag="manual v3")
    with tk.SemanticCache(path=path) as second:
        again = second.get(namespace="acme", key=b"q1")
        print("after a restart:", again and again.value, "- saved:", again and f"{again.saved} USD")
        print("purged:", second.purge(tag="manual v3"))
