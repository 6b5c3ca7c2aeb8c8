"""How much a stronger tier is needed: the classifier that comes with the package."""

from __future__ import annotations

import threading
import warnings

from tierkit import _core
from tierkit.errors import ConfigError
from tierkit.route.ask import human_ask
from tierkit.route.deadline import TooLate

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any, Protocol

    from tierkit._core import TierScore
    from tierkit.route.deadline import Deadline

    class Scorer(Protocol):
        """What a classifier runs: the model of a folder, or a fitted head on top of another scorer."""

        def score(self, texts: Sequence[str]) -> list[TierScore]: ...
        def finish(self, buffers: tuple[bytes, bytes, bytes, bytes]) -> list[TierScore]: ...


__all__ = ["ClassifierFallbackWarning", "TierClassifier"]

# One run of the model holds at most so many texts and characters: memory stays bounded, and 16 texts fit the caches
# (measured: 27,000 texts/s; 16,000 one by one, 25,000 by 64).
BATCH_TEXTS = 16
BATCH_CHARS = 1 << 18
READ_CHARS = 1 << 14

_default_lock = threading.Lock()
_default: TierClassifier | None = None


class ClassifierFallbackWarning(UserWarning):
    """The tier model cannot be used; prompts are scored by their structure alone (flag `fallback` in the reasons)."""


class TierClassifier:
    """Scores how much a prompt needs a stronger tier.

    It knows the prompts of public benchmarks of 2023-24, in English; without labels of your own it is worth about as
    much as the prompt's length (see the model card). Scores are ranks: route by shares of your traffic, not by fixed
    values.

    The model is read at the first score. If it, or onnxruntime, cannot be used, there is one
    `ClassifierFallbackWarning`, and a linear score of six structural measures serves instead. Safe to share between
    threads.

    Attributes:
        fallback: Why the model is not used, or None.

    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        """Take the folder with `manifest.json` and the model it names; nothing is read yet."""
        self._folder = folder
        self._engine: Scorer | None = None
        self._lock = threading.Lock()
        self.fallback: str | None = None

    @classmethod
    def default(cls) -> TierClassifier:
        """Return the classifier of the package, one per process.

        Example:
            >>> from tierkit import TierClassifier
            >>> 0.0 <= TierClassifier.default().score("What is the capital of France?").need <= 1.0
            True

        """
        global _default  # noqa: PLW0603 - one model per process
        with _default_lock:
            if _default is None:
                from pathlib import Path  # noqa: PLC0415 - not needed to import the package

                _default = cls(Path(__file__).with_name("model"))
            return _default

    @classmethod
    def fit(cls, prompts: Sequence[str], labels: Sequence[float], base: TierClassifier | None = None) -> TierClassifier:
        """Fit a small head to labels of your own traffic, on top of another classifier.

        Few or noisy rows change little, many rows win. `need` then ranks the expected gain of a stronger tier on your
        traffic, and `success` is calibrated: how often the cheap tier is good enough on prompts with such a score.

        Args:
            prompts: At least 20 texts, as they are scored later: the person's ask (see `human_ask`).
            labels: Quality of the cheap tier's answer to each, from 0 (useless) to 1 (as good as wanted).
            base: The classifier to start from; None: the one of the package.

        Raises:
            ConfigError: Too few rows, another number of labels, a label outside of [0, 1], or a base whose model cannot
                be used.

        Cost: some 0.5 s for 300 rows, 5 s for 1,500; memory grows with the rows. A score then takes some 10 us more.

        Example:
            >>> from tierkit import TierClassifier
            >>> easy, hard = [f"what is {n}?" for n in range(20)], [f"prove lemma {n}" for n in range(20)]
            >>> mine = TierClassifier.fit(easy + hard, [1.0] * 20 + [0.0] * 20)
            >>> mine.score("what is 77?").success > mine.score("prove lemma 77").success
            True

        """
        from tierkit.route.fitted import fitted  # noqa: PLC0415 - loads numpy

        base = cls.default() if base is None else base
        made = cls(base._folder)  # noqa: SLF001 - of its own class
        made._engine = fitted(base, prompts, labels)
        return made

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write the classifier to a folder that `TierClassifier(folder)` or `load` opens; an old one is replaced.

        The folder holds coefficients and quantiles, no prompts; hashed grams of frequent words can be guessed back, so
        keep it where your labels may be kept.

        Raises:
            OSError: The folder cannot be written.

        Example:
            >>> from tempfile import TemporaryDirectory
            >>> from tierkit import TierClassifier
            >>> mine = TierClassifier.fit([f"question {n}" for n in range(30)], [0.0, 1.0, 1.0] * 10)
            >>> with TemporaryDirectory() as folder:
            ...     mine.save(folder)
            ...     TierClassifier.load(folder).score("question 7") == mine.score("question 7")
            True

        """
        from pathlib import Path  # noqa: PLC0415 - not needed to import the package

        from tierkit.route.fitted import write  # noqa: PLC0415 - as above

        write(Path(folder), Path(self._folder), self._engine or self._loaded())

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> TierClassifier:
        """Open the classifier of a folder now, and refuse one that cannot be used instead of falling back.

        Raises:
            ConfigError: The folder holds no classifier, or one that was changed or made by another version.

        Example:
            >>> from tierkit import TierClassifier
            >>> TierClassifier.load("/nowhere")
            Traceback (most recent call last):
            tierkit.errors.ConfigError: ...

        """
        made = cls(folder)
        try:
            made._loaded()
        except Exception as error:  # noqa: BLE001 - one sentence, whatever the file or the runtime found
            fix = "give a folder that TierClassifier.save wrote with this version of tierkit"
            raise ConfigError(f"classifier {str(folder)!r}: {type(error).__name__}: {error}; {fix}") from None
        return made

    def score(self, text: str) -> TierScore:
        """Score one text.

        Args:
            text: Any string; of a long one the first and last 8 KiB are read.

        Returns:
            `.need`: rank in [0, 1] of the difficulty among the training prompts. `.success`: expected success of the
            cheapest tier on the training mixture, `.calibrated` False unless fitted. `.reasons`: the largest
            contributions in words, then flags: `fallback`, `language` (few known words), `out_of_range` (a measure
            outside of what training saw).

        Cost: some 0.1 ms for 128 tokens; the first score loads the model (about 0.4 s).

        Example:
            >>> from tierkit import TierClassifier
            >>> score = TierClassifier.default().score("Prove that there are infinitely many primes.")
            >>> score.calibrated
            False

        """
        return self._scored([text])[0]

    def score_many(self, texts: Sequence[str]) -> list[TierScore]:
        """Score many texts, 16 per run of the model; equal to `score` of each up to float32 rounding.

        Example:
            >>> from tierkit import TierClassifier
            >>> len(TierClassifier.default().score_many(["one", "two"]))
            2

        """
        return [score for batch in _batches(texts) for score in self._scored(batch)]

    def score_messages(
        self, messages: str | Sequence[Mapping[str, Any]], *, deadline: Deadline | None = None
    ) -> TierScore | None:
        """Score what the person asks in a conversation; None when no user message holds human text.

        A short reply counts as the harder of itself and the ask before it; see `human_ask`.

        Args:
            messages: A prompt, or chat messages.
            deadline: When to give up; the first score, which loads the model, has no end.

        Raises:
            TooLate: The deadline passed before the model was asked.

        Example:
            >>> from tierkit import TierClassifier
            >>> TierClassifier.default().score_messages([{"role": "assistant", "content": "Hello"}]) is None
            True

        """
        texts = [text for text in human_ask(messages) if text is not None]
        return max(self._scored(texts, deadline), key=lambda score: score.need) if texts else None

    def needs_of(self, features: tuple[bytes, bytes, bytes, bytes]) -> list[float]:
        """Return the needs of texts of which only the features are known (`tierkit._core.features`).

        Raises:
            ConfigError: The model cannot be used.
        """
        try:
            return [score.need for score in self._loaded().finish(features)]
        except Exception as error:  # noqa: BLE001 - one sentence, whatever the file or the runtime found
            raise ConfigError(f"classifier: its model cannot be used ({type(error).__name__}: {error})") from None

    def with_head(self, numbers: dict[str, Any]) -> TierClassifier:
        """Return this classifier with a fitted head on top (`tierkit.route.fit.fitted_numbers`)."""
        from tierkit.route.fitted import FittedEngine  # noqa: PLC0415 - loads numpy

        made = type(self)(self._folder)
        made._engine = FittedEngine(self._loaded(), numbers)  # noqa: SLF001 - of its own class
        return made

    def gain_at(self, need: float) -> float | None:
        """Return the expected gain of the strong tier where the need is so high, in [-1, 1]; None unless fitted.

        Example:
            >>> from tierkit import TierClassifier
            >>> TierClassifier.default().gain_at(0.8) is None
            True

        """
        head = getattr(self._engine, "head", None)
        return None if head is None else float(head.gain_at(need))

    def _scored(self, texts: list[str], deadline: Deadline | None = None) -> list[TierScore]:
        """Scores by the model, or by structure once the model has failed."""
        if self.fallback is None:
            try:
                if deadline is None or self._engine is None:
                    # Who loads the model takes its time, once; others wait for it no longer than they have.
                    return (self._engine or self._loaded(deadline)).score(texts)
                engine = self._engine
                features = _core.features(texts)
                deadline.check()
                return engine.finish(features)
            except TooLate:
                raise
            except TypeError:
                if not all(isinstance(text, str) for text in texts):
                    raise
                self._fall_back("TypeError: the model does not fit this version of onnxruntime")
            except Exception as error:  # noqa: BLE001 - a broken model or runtime must never break a request
                self._fall_back(f"{type(error).__name__}: {error}")
        return _core.score_by_structure(texts)

    def _loaded(self, deadline: Deadline | None = None) -> Scorer:
        if not self._lock.acquire(timeout=-1 if deadline is None else deadline.left_s()):
            raise TooLate
        try:
            if self._engine is None:
                from pathlib import Path  # noqa: PLC0415 - not needed to import the package

                from tierkit.route.fitted import opened  # noqa: PLC0415 - as above

                self._engine = opened(Path(self._folder))
            return self._engine
        finally:
            self._lock.release()

    def _fall_back(self, why: str) -> None:
        with self._lock:
            first = self.fallback is None
            self.fallback = why
        if first:
            fix = "prompts are scored by structure alone: install onnxruntime>=1.20 and tierkit again"
            warnings.warn(f"the tier model cannot be used ({why}); {fix}", ClassifierFallbackWarning, stacklevel=4)


def _batches(texts: Sequence[str]) -> Iterator[list[str]]:
    """Give the texts in order, in lists of bounded work."""
    batch: list[str] = []
    chars = 0
    for text in texts:
        length = min(len(text), READ_CHARS)
        if batch and (len(batch) == BATCH_TEXTS or chars + length > BATCH_CHARS):
            yield batch
            batch, chars = [], 0
        batch.append(text)
        chars += length
    if batch:
        yield batch
