"""A fitted classifier: how it is made from labels, run, written to a folder and read again."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

from tierkit import _core
from tierkit.errors import ConfigError
from tierkit.route.model_file import MAX_MANIFEST_BYTES, ModelFileError, load, read_bounded

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Any

    from tierkit.route.classifier import Scorer, TierClassifier

__all__ = ["FittedEngine", "fitted", "opened", "write"]

LEAST_ROWS = 20
"""Fewer labels than this are refused: they would only move the calibration by noise."""
MAX_GRAMS_BYTES = 16 << 20
MOST_BASES = 8
FORMAT = 2
_GRAMS_FILE = "grams.bin"
_GRAMS = ("ids", "idf", "weights")
_PAIRS = ("base", "failure", "reach")
_SEED = 20261121


class FittedEngine:
    """A fitted head on top of another scorer."""

    __slots__ = ("base", "head", "numbers")

    def __init__(self, base: Scorer, numbers: dict[str, Any]) -> None:
        """Check the numbers; they are kept to be written."""
        self.base = base
        self.numbers = numbers
        self.head = _core.FittedHead(**numbers)

    def score(self, texts: Sequence[str]) -> list[_core.TierScore]:
        """Score some texts in one run."""
        return self.finish(_core.features(texts))

    def finish(self, buffers: tuple[bytes, bytes, bytes, bytes]) -> list[_core.TierScore]:
        """Score the texts that some features belong to."""
        return self.head.finish(self.base.finish(buffers), *buffers)


def fitted(base: TierClassifier, prompts: Sequence[str], labels: Sequence[float]) -> FittedEngine:
    """Fit a head to labels; see `TierClassifier.fit`."""
    import random  # noqa: PLC0415 - only paid by those who fit

    from tierkit.route.fit import fitted_numbers  # noqa: PLC0415 - as above

    rows = _checked(prompts, labels)
    # A file sorted by day or by task must not decide which rows set the strengths.
    random.Random(_SEED).shuffle(rows)  # noqa: S311 - an order, not a secret
    texts = [prompt for prompt, _ in rows]
    needs = [score.need for score in base.score_many(texts)]
    if base.fallback is not None:
        raise ConfigError(f"base: its model cannot be used ({base.fallback}); fit needs one that can")
    return FittedEngine(
        base._loaded(),  # noqa: SLF001 - the maker is the other half of the classifier
        fitted_numbers(_core.features(texts), needs, [label for _, label in rows]),
    )


def _checked(prompts: Sequence[str], labels: Sequence[float]) -> list[tuple[str, float]]:
    rows = [(prompt, float(label)) for prompt, label in zip(prompts, labels, strict=False)]
    if len(prompts) != len(labels):
        raise ConfigError(f"labels: {len(labels)} for {len(prompts)} prompts, expected one for each")
    if len(rows) < LEAST_ROWS:
        raise ConfigError(f"prompts: {len(rows)} rows, expected at least {LEAST_ROWS}; label more of your traffic")
    for at, (_, label) in enumerate(rows):
        if not (math.isfinite(label) and 0 <= label <= 1):
            raise ConfigError(f"labels: {label!r} in row {at}, expected a quality from 0 (useless) to 1 (as wanted)")
    return rows


def opened(folder: Path) -> Scorer:
    """Read, check and open the classifier of a folder: a model, or a fitted head with its base.

    Raises:
        ModelFileError: The files are too large, changed, or of another version.
        Exception: Whatever the file system raises for missing files, and onnxruntime for a model that it cannot run.

    """
    heads: list[dict[str, Any]] = []
    while (manifest := json.loads(read_bounded(folder / "manifest.json", MAX_MANIFEST_BYTES))).get("format") == FORMAT:
        heads.append(_numbers(folder, manifest))
        folder /= "base"
        _unchanged("base/manifest.json", read_bounded(folder / "manifest.json", MAX_MANIFEST_BYTES), manifest["base"])
        if len(heads) > MOST_BASES:
            raise ModelFileError(f"more than {MOST_BASES} heads on top of each other: expected fewer; fit anew")
    engine: Scorer = load(folder)
    for numbers in reversed(heads):
        engine = FittedEngine(engine, numbers)
    return engine


def _numbers(folder: Path, manifest: dict[str, Any]) -> dict[str, Any]:
    if manifest["features_version"] != _core.FEATURES_VERSION:
        version = manifest["features_version"]
        raise ModelFileError(f"head for features {version!r}: expected {_core.FEATURES_VERSION}; fit it again")
    raw = read_bounded(folder / _GRAMS_FILE, MAX_GRAMS_BYTES)
    _unchanged(_GRAMS_FILE, raw, manifest["grams"]["sha256"])
    grams = len(raw) // 16
    parts = raw[: 8 * grams], raw[8 * grams : 12 * grams], raw[12 * grams :]
    head = {name: tuple(value) if name in _PAIRS else value for name, value in manifest["head"].items()}
    return {**head, **dict(zip(_GRAMS, parts, strict=True))}


def _unchanged(name: str, raw: bytes, said: str) -> None:
    digest = _sha256(raw)
    if digest != said:
        raise ModelFileError(f"{name} with SHA-256 {digest}: expected {said}; save the classifier again")


def _sha256(raw: bytes) -> str:
    import hashlib  # noqa: PLC0415 - not needed to import the package

    return hashlib.sha256(raw).hexdigest()


def write(folder: Path, source: Path, engine: Scorer) -> None:
    """Write an engine; the folder that its model came from is copied."""
    folder.mkdir(parents=True, exist_ok=True)
    heads = []
    while isinstance(engine, FittedEngine):
        heads.append(engine)
        engine = engine.base
    places = [folder]
    for _ in heads:
        places.append(places[-1] / "base")
        places[-1].mkdir(exist_ok=True)
    _copy_model(source, places[-1])
    # From the model upwards: each manifest vouches for the one below it.
    for head, place in zip(reversed(heads), reversed(places[:-1]), strict=True):
        _write_head(place, head)


def _copy_model(source: Path, target: Path) -> None:
    while json.loads(manifest := (source / "manifest.json").read_bytes())["format"] == FORMAT:
        source /= "base"
    name = json.loads(manifest)["model"]["file"]
    (target / name).write_bytes((source / name).read_bytes())
    (target / "manifest.json").write_bytes(manifest)


def _write_head(place: Path, engine: FittedEngine) -> None:
    raw = b"".join(engine.numbers[name] for name in _GRAMS)
    manifest = {
        "format": FORMAT,
        "features_version": _core.FEATURES_VERSION,
        "grams": {"file": _GRAMS_FILE, "bytes": len(raw), "sha256": _sha256(raw)},
        "base": _sha256((place / "base" / "manifest.json").read_bytes()),
        "head": {name: value for name, value in engine.numbers.items() if name not in _GRAMS},
    }
    (place / _GRAMS_FILE).write_bytes(raw)
    (place / "manifest.json").write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n", encoding="utf-8")
