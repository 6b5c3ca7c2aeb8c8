"""A real inference server for tests: llama.cpp's HTTP server on a random model of half a megabyte.

The server comes from the wheel `xllamacpp`, the model is written here with `gguf`: nothing is downloaded or compiled.
Its answers are gibberish; its usage counts, streaming, queueing, cancelling and errors are a real server's.

    python tests/tiny_server.py [--port 0] [--slots 4] [--context 2048] [--api-key KEY]

prints `ready URL` and serves until standard input closes or the process is killed.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

WIDTH, BLOCKS, HEADS, KV_HEADS, INNER = 64, 2, 4, 2, 128
SPECIAL = ["<unk>", "<s>", "</s>"]
# A byte-level vocabulary: any text has tokens, and a token is a byte.
TOKENS = [*SPECIAL, *(f"<0x{byte:02X}>" for byte in range(256))]
PLAIN_LETTERS = range(len(SPECIAL) + ord(" "), len(SPECIAL) + ord("~") + 1)
CHAT = "{% for message in messages %}<{{ message.role }}>{{ message.content }}\n{% endfor %}<assistant>"


@contextmanager
def tiny_server(*options: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Run the server in a process of its own; give its url and the process, so that a test may kill it."""
    command = [sys.executable, __file__, *options]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        try:
            assert process.stdout is not None
            word, _, url = process.stdout.readline().decode().strip().partition(" ")
            assert word == "ready", "the tiny server did not start; run tests/tiny_server.py by hand to see why"
            yield url, process
        finally:
            process.kill()


def write_model(path: Path, *, context: int) -> None:
    """Write the model: random weights, and an output layer that speaks printable ASCII only."""
    import gguf
    import numpy as np

    random = np.random.default_rng(1)

    def noise(rows: int, columns: int) -> np.ndarray:
        return (random.standard_normal((rows, columns)) / 20).astype(np.float32)

    writer = gguf.GGUFWriter(str(path), arch="llama")
    writer.add_context_length(context)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(BLOCKS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(len(TOKENS))
    writer.add_tokenizer_model("llama")
    writer.add_token_list(TOKENS)
    writer.add_token_scores([0.0] * len(TOKENS))
    writer.add_token_types(
        [gguf.TokenType.UNKNOWN, gguf.TokenType.CONTROL, gguf.TokenType.CONTROL] + [gguf.TokenType.BYTE] * 256
    )
    writer.add_unk_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_add_bos_token(value=True)
    writer.add_chat_template(CHAT)

    # The first channel is the same for all tokens; the output layer turns it into a veto for all but plain letters,
    # so that no answer holds half a UTF-8 sequence and none ends before its limit.
    embedding, output = noise(len(TOKENS), WIDTH), noise(len(TOKENS), WIDTH)
    embedding[:, 0], output[:, 0] = 1.0, -40.0
    output[list(PLAIN_LETTERS), 0] = 0.0
    tensors = {"token_embd": embedding, "output": output, "output_norm": np.ones(WIDTH, np.float32)}
    narrow = WIDTH * KV_HEADS // HEADS
    for block in range(BLOCKS):
        tensors |= {f"blk.{block}.{norm}": np.ones(WIDTH, np.float32) for norm in ("attn_norm", "ffn_norm")}
        tensors |= {f"blk.{block}.{name}": noise(WIDTH, WIDTH) for name in ("attn_q", "attn_output")}
        tensors |= {f"blk.{block}.{name}": noise(narrow, WIDTH) for name in ("attn_k", "attn_v")}
        tensors |= {f"blk.{block}.{name}": noise(INNER, WIDTH) for name in ("ffn_gate", "ffn_up")}
        tensors[f"blk.{block}.ffn_down"] = noise(WIDTH, INNER)
    for name, values in tensors.items():
        writer.add_tensor(f"{name}.weight", values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main() -> None:
    """Serve until standard input closes."""
    import xllamacpp

    parser = argparse.ArgumentParser(description="llama.cpp's server on a random tiny model")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--slots", type=int, default=4, help="requests that run at once")
    parser.add_argument("--context", type=int, default=2048, help="tokens of context of each slot")
    parser.add_argument("--api-key")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder, "tiny.gguf")
        write_model(model, context=options.context)
        params = xllamacpp.CommonParams()
        params.model.path = str(model)
        params.model_alias = {"tiny"}
        params.n_ctx = options.context * options.slots
        params.n_parallel = options.slots
        params.hostnames = ["127.0.0.1"]
        params.port = options.port
        params.endpoint_metrics = True
        params.endpoint_slots = True
        params.warmup = False
        params.cpuparams.n_threads = 1
        params.api_keys = [options.api_key] if options.api_key else []
        server = xllamacpp.Server(params)
        print("ready", server.listening_address, flush=True)
        sys.stdin.buffer.read()
        del server


if __name__ == "__main__":
    main()
