"""The blocking client."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from tierkit.client.flights import Flights
from tierkit.client.servers import Servers
from tierkit.client.shadow import Shadow
from tierkit.client.streaming import StreamState
from tierkit.client.walk import Walk
from tierkit.errors import AlreadySettled, BackendError, Refused

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import TracebackType

    from tierkit.backends import Backend
    from tierkit.client.answer import Answer
    from tierkit.client.ports import AdmissionLike, GovernorLike
    from tierkit.client.shadow import Judge
    from tierkit.request import Chunk

__all__ = ["Client", "Stream"]


class Client:
    """Sends requests to the tier that the governor admits, and settles what they used.

    Args:
        governor: What decides.
        backends: Backends by the names that the tiers use; None makes them from the policy, and again
            when another one comes into force.
        judge: Judges two answers, for `shadow` in `[routing]`: called with the messages, the answer that the caller
            got and the one of another tier, it returns the quality of both, each from 0 to 1. It runs in a thread of
            its own, never on the caller's path; streamed answers are not judged.

    Raises:
        ConfigError: A backend of the policy that cannot be made.

    Example:
        >>> import tierkit as tk
        >>> from tierkit.testing import MockBackend
        >>> price = {"input": "1 USD/Mtok", "output": "2 USD/Mtok"}
        >>> policy = tk.Policy(tiers=[tk.Tier("small", model="gpt-5", backend="mine", price=price)])
        >>> client = tk.Client(tk.Governor(policy), backends={"mine": MockBackend("It scatters.")})
        >>> answer = client.complete("Why is the sky blue?", max_output_tokens=100)
        >>> answer.text, answer.tier, str(answer.cost)
        ('It scatters.', 'small', '0.000014')

    """

    def __init__(
        self,
        governor: GovernorLike,
        *,
        backends: Mapping[str, Backend] | None = None,
        judge: Judge | None = None,
    ) -> None:
        """Make backends where none are given; nothing is connected."""
        self._governor = governor
        self._backends = Servers(governor, backends)
        self._flights = Flights.of(governor)
        self._shadow = Shadow(governor, self._backends, judge)

    def complete(
        self,
        messages: str | Sequence[Mapping[str, Any]],
        *,
        labels: Mapping[str, str] | None = None,
        max_output_tokens: int | None = None,
        cache: str = "use",
        wait_s: float = 0.0,
        priority: str = "normal",
        id: str | None = None,  # noqa: A002 - the word that users read in the ledger
        timeout_s: float | None = None,
        **params: Any,
    ) -> Answer:
        """Get one whole answer.

        A failure that certainly cost nothing goes on to the next tier that the governor admits, at most three
        attempts in all; one that may have cost something is raised. Of equal questions at the same moment one is
        asked; the others get its answer from the cache, where the policy has one.

        Args:
            messages: A prompt, or chat messages in the OpenAI form.
            labels: Who asks.
            max_output_tokens: Upper bound of the answer.
            cache: use, refresh (ask anew, and keep the answer) or off.
            wait_s: How long admission may wait for room; never beyond `timeout_s`.
            priority: critical, high, normal, low or batch.
            id: The request's id; its attempts are `<id>/1`, `<id>/2`, … Given again, an answer that the cache has costs
                nothing, and what is sent again is a further attempt with money of its own on hold.
            timeout_s: Deadline of all attempts together, in seconds, the wait for room included.
            **params: Further fields of the body: temperature, tools, stop, …

        Raises:
            Refused: No tier may serve now.
            BackendError: The last attempt failed; what it cost is settled.

        """
        walk = Walk(
            self._governor.policy,
            messages,
            labels=labels,
            max_output_tokens=max_output_tokens,
            cache=cache,
            wait_s=wait_s,
            priority=priority,
            id=id,
            timeout_s=timeout_s,
            params=params,
        )
        with self._flights.share(walk.flight_key(), walk.flight_wait_s()):
            answer = self._complete(walk)
        self._shadow.offer(walk, answer)
        return answer

    def wait_for_shadow(self, timeout_s: float) -> bool:
        """Wait until the second answers so far are judged; False when the time is over before."""
        return self._shadow.wait(timeout_s)

    def _complete(self, walk: Walk) -> Answer:
        while True:
            admission = self._admit(walk)
            if admission.hit is not None:
                found = walk.cached(admission)
                if found is not None:
                    return walk.cached_answer(found)
                continue
            backend = self._backend(walk, admission)
            try:
                reply = backend.complete(walk.call(admission))
            except BackendError as error:
                walk.failed(admission, error)
            except BaseException as error:
                walk.abandoned(admission, error)
                raise
            else:
                return walk.answered(admission, reply)

    def stream(
        self,
        messages: str | Sequence[Mapping[str, Any]],
        *,
        labels: Mapping[str, str] | None = None,
        max_output_tokens: int | None = None,
        cache: str = "use",
        wait_s: float = 0.0,
        priority: str = "normal",
        id: str | None = None,  # noqa: A002 - the word that users read in the ledger
        timeout_s: float | None = None,
        **params: Any,
    ) -> Stream:
        """Get an answer in chunks; returns when the first output is there, so that a failure before can go on.

        Takes and raises what `complete` does. Of equal questions at the same moment one is asked here too: the others
        return when its stream has ended, with the answer from the cache in chunks. One that is cut or left is asked
        again by one of them; one whose reader reads nothing for a second is not waited for.

        Leave the stream by reading it to its end, by `with`, by `close()` or by dropping it: it is settled exactly once
        in any case.
        """
        walk = Walk(
            self._governor.policy,
            messages,
            labels=labels,
            max_output_tokens=max_output_tokens,
            cache=cache,
            wait_s=wait_s,
            priority=priority,
            id=id,
            timeout_s=timeout_s,
            params=params,
        )
        stream = Stream(walk)
        try:
            stream._open(self)  # noqa: SLF001 - the stream's other half
        except BaseException:
            stream.close()
            raise
        return stream

    def close(self) -> None:
        """Close the backends that were made from the policy; second answers that wait are dropped."""
        self._shadow.close()
        for backend in self._backends.own:
            backend.close()

    def __enter__(self) -> Client:  # noqa: PYI034 - Self costs an import
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    def _admit(self, walk: Walk) -> AdmissionLike:
        while True:
            try:
                admission: AdmissionLike = self._governor.admit(walk.messages, **walk.admit_arguments())
            except Refused as refusal:
                walk.refused(refusal)
            except AlreadySettled:
                walk.pass_over()
                continue
            if admission.hit is not None or not admission.replayed:
                return admission
            walk.pass_over()

    def _backend(self, walk: Walk, admission: AdmissionLike) -> Backend:
        backend: Backend | None = self._backends.get(admission.backend)
        if backend is None:
            walk.no_backend(admission, self._backends)
        return backend


class Stream(StreamState):
    """An answer in chunks; iterate it, then read `.usage`, `.cost`, `.tier`, `.model` and `.id`.

    See `Client.stream`.
    """

    _chunks: Iterator[Chunk] | None = None

    def _open(self, client: Client) -> None:
        """Wait for an equal question that is under way, then go through attempts until one gives output."""
        self._flight = client._flights.join(self._walk.flight_key(), self._walk.flight_wait_s())  # noqa: SLF001 - as below
        while True:
            admission = client._admit(self._walk)  # noqa: SLF001 - the stream's other half
            if admission.hit is not None:
                found = self._walk.cached(admission)
                if found is None:
                    continue
                self.tier, self.model = admission.tier, admission.model
                self._replay(found)
                return
            backend = client._backend(self._walk, admission)  # noqa: SLF001 - the stream's other half
            self._start(admission)
            try:
                self._chunks = self._send(backend, admission)
                while not self._shown and not self._settled:
                    self._waiting.append(self._pull(self._chunks))
            except BackendError as error:
                self._settle_failed(error)
            except StopIteration:
                return
            else:
                return

    def _send(self, backend: Backend, admission: AdmissionLike) -> Iterator[Chunk]:
        try:
            return backend.stream(self._walk.call(admission))
        except BackendError:
            raise
        except BaseException as error:
            self._unknown(error)
            raise

    def _pull(self, chunks: Iterator[Chunk]) -> Chunk:
        self._step(waits=True)
        try:
            chunk = next(chunks)
        except StopIteration:
            self._settle_dropped()  # a backend that ends without a final chunk: its last word is not known
            raise
        except BackendError:
            raise
        except BaseException as error:
            self._unknown(error)
            raise
        self._step(waits=False)
        self._take(chunk)
        return chunk

    def __iter__(self) -> Stream:
        """Return itself."""
        return self

    def __next__(self) -> Chunk:
        """Return the next chunk."""
        if self._waiting:
            return self._waiting.popleft()
        if self._chunks is None:
            raise StopIteration
        try:
            return self._pull(self._chunks)
        except StopIteration:
            self._chunks = None
            raise
        except BackendError as error:
            self._chunks = None
            if self._settled:  # the answer was whole already
                raise StopIteration from None
            self._settle_failed(error)
            raise

    def close(self) -> None:
        """Stop: close the connection, and settle what arrived."""
        chunks, self._chunks = self._chunks, None
        self._waiting.clear()
        try:
            self._settle_dropped()
        finally:
            stop = getattr(chunks, "close", None)
            if stop is not None:
                stop()

    def __enter__(self) -> Stream:  # noqa: PYI034 - Self costs an import
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    def __del__(self) -> None:
        """Settle a stream that was dropped."""
        with suppress(Exception):  # nobody is left to hear it; the reservation then expires as posted
            self.close()
