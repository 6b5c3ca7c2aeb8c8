"""The model as a file that is not trusted: what is checked before it is run, and how it is run."""

from __future__ import annotations

from tierkit import _core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from typing import Any

__all__ = ["MAX_MANIFEST_BYTES", "Engine", "ModelFileError", "load", "read_bounded"]

MAX_MANIFEST_BYTES = 1 << 20
MAX_MODEL_BYTES = 16 << 20

# How a tensor names a file outside of the model: a key "location" of 8 bytes.
_EXTERNAL = b"\x0a\x08location"


class ModelFileError(Exception):
    """A model file that may not be run; the message says why."""


class Engine:
    """A checked model, ready to score."""

    __slots__ = ("_arrays", "_head", "_run")

    def __init__(self, run: Callable[..., Any], arrays: Callable[..., dict[str, Any]], head: _core.ScoreHead) -> None:
        """Keep the session's run, the maker of its inputs and the head that reads its outputs."""
        self._run = run
        self._arrays = arrays
        self._head = head

    def score(self, texts: Sequence[str]) -> list[_core.TierScore]:
        """Score some texts in one run."""
        return self.finish(_core.features(texts))

    def finish(self, buffers: tuple[bytes, bytes, bytes, bytes]) -> list[_core.TierScore]:
        """Score the texts that some features belong to."""
        ids, tf, row, dense = buffers
        scores = self._run(["scores"], self._arrays(ids, tf, row, dense))[0]
        return self._head.finish(scores.tobytes(), dense)


def load(folder: Path) -> Engine:
    """Read, check and open the model of a folder, and score one empty prompt with it.

    Raises:
        ModelFileError: The files are too large, changed, of another version, or refer to other files.
        Exception: Whatever the file system raises for missing files, and onnxruntime for a model that it cannot run.

    """
    manifest = _manifest(folder / "manifest.json")
    raw = _model(folder, manifest)
    head = _core.ScoreHead(**manifest["head"])
    engine = Engine(_session(raw).run, _arrays(), head)
    # A graph with other inputs, outputs or shapes fails here and not at the first request.
    engine.score(["", "a dummy prompt"])
    return engine


def _manifest(path: Path) -> dict[str, Any]:
    import json  # noqa: PLC0415 - not needed to import the package

    manifest = json.loads(read_bounded(path, MAX_MANIFEST_BYTES))
    version = manifest.get("features_version")
    if manifest.get("format") != 1 or version != _core.FEATURES_VERSION:
        raise ModelFileError(
            f"manifest with format {manifest.get('format')!r} and features {version!r}: "
            f"expected 1 and {_core.FEATURES_VERSION}"
        )
    return manifest  # type: ignore[no-any-return]  # json gives Any; its fields are checked where they are read


def _model(folder: Path, manifest: dict[str, Any]) -> bytes:
    import hashlib  # noqa: PLC0415 - not needed to import the package

    said = manifest["model"]
    name = said["file"]
    if "/" in name or "\\" in name or name.startswith("."):
        raise ModelFileError(f"model file {name!r}: expected a plain name beside the manifest")
    raw = read_bounded(folder / name, MAX_MODEL_BYTES)
    digest = hashlib.sha256(raw).hexdigest()
    if digest != said["sha256"]:
        raise ModelFileError(f"{name} with SHA-256 {digest}: expected {said['sha256']}; install the package again")
    if _EXTERNAL in raw:
        raise ModelFileError(f"{name} refers to data in other files: expected one file that holds all weights")
    return raw


def read_bounded(path: Path, most: int) -> bytes:
    """Read a file of at most so many bytes."""
    size = path.stat().st_size
    if size > most:
        raise ModelFileError(f"{path.name} of {size} bytes: expected at most {most}")
    return path.read_bytes()


def _session(raw: bytes) -> Any:
    import onnxruntime  # noqa: PLC0415 - 270 ms, only paid by those who score

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    options.log_severity_level = 4  # a bad file is reported once, by the fallback's warning
    return onnxruntime.InferenceSession(raw, options, providers=["CPUExecutionProvider"])


def _arrays() -> Callable[[bytes, bytes, bytes, bytes], dict[str, Any]]:
    """Give a maker of the model's inputs: the buffers as they are, without a copy."""
    import numpy as np  # noqa: PLC0415 - 150 ms, only paid by those who score

    frombuffer, int64, float32, measures = np.frombuffer, np.int64, np.float32, _core.DENSE_FEATURES

    def arrays(ids: bytes, tf: bytes, row: bytes, dense: bytes) -> dict[str, Any]:
        return {
            "ids": frombuffer(ids, int64),
            "tf": frombuffer(tf, float32),
            "row": frombuffer(row, int64),
            "dense": frombuffer(dense, float32).reshape(-1, measures),
        }

    return arrays
