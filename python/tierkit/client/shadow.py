"""Second answers: a sampled request is answered by another tier too, off its caller's path, and both are judged.

The second answer is admitted like any request, with the label `purpose = "shadow"` alone, so that its own budget pays;
a refusal ends it. Nothing of it can delay, fail or bill the request that it is about.
"""

from __future__ import annotations

import logging
import os
import threading
from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple

from tierkit.client.settlement import charge_failure, reply_usage
from tierkit.errors import BackendError, Refused
from tierkit.request import Call

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from tierkit.client.answer import Answer
    from tierkit.client.ports import AdmissionLike
    from tierkit.client.walk import Walk
    from tierkit.request import Reply

    Judge = Callable[[Sequence[Mapping[str, Any]], str, str], tuple[float, float]]
    AsyncJudge = Callable[[Sequence[Mapping[str, Any]], str, str], Awaitable[tuple[float, float]] | tuple[float, float]]

__all__ = ["AsyncShadow", "Job", "Shadow"]

# Requests that wait for their second answer; beyond, they are passed over.
_MOST_WAITING = 64
_TIMEOUT_S = 120.0

_log = logging.getLogger("tierkit")


class Job(NamedTuple):
    """A request that was answered and is to be answered again.

    Attributes:
        messages: What was asked.
        params: Further fields of the body.
        bound: The caller's bound of the answer.
        id: The attempt that answered.
        tier: The tier that did.
        text: Its answer.
        second: The tier that is to answer too.
    """

    messages: Sequence[Mapping[str, Any]]
    params: Mapping[str, Any]
    bound: int | None
    id: str
    tier: str
    text: str
    second: str

    def call(self, admission: AdmissionLike) -> Call:
        """Return what to send."""
        return Call(
            self.messages,
            model=admission.model,
            max_output_tokens=admission.max_output_tokens,
            params=self.params,
            timeout_s=_TIMEOUT_S,
            id=admission.id,
        )


class _Second:
    """What both kinds of client do with a job.

    Attributes:
        failures: Second answers that could not be had or judged, refusals by the budget not counted.
    """

    def __init__(self, governor: Any, backends: Mapping[str, Any], judge: Any) -> None:
        self._governor = governor
        self._backends = backends
        self._judge = judge
        self.failures = 0

    def _job(self, walk: Walk, answer: Answer) -> Job | None:
        """Return the job of an answer that chance has picked, else None."""
        pick = getattr(self._governor, "second_opinion", None)
        if self._judge is None or pick is None or answer.from_cache or not answer.text:
            return None
        last = answer.attempts[-1]
        second = pick(last.id, last.tier)
        if second is None:
            return None
        return Job(walk.messages, walk.params, walk.bound, last.id, last.tier, answer.text, second)

    def _admitted(self, job: Job) -> AdmissionLike | None:
        """Reserve for the second answer; None when its budget, or anything else, has no room."""
        try:
            admission: AdmissionLike = self._governor.admit_second(
                job.messages, id=job.id, tier=job.second, max_output_tokens=job.bound, params=job.params
            )
        except Refused:
            return None
        return admission

    def _keep(self, job: Job, found: tuple[float, float]) -> None:
        first, second = found
        self._governor.feedback(job.id, quality=first, tier=job.tier)
        self._governor.feedback(job.id, quality=second, tier=job.second)

    def _failed(self, error: BaseException) -> None:
        self.failures += 1
        if self.failures == 1:
            _log.warning("shadow: a second answer failed (%s: %s); others go on", type(error).__name__, error)


def _ended(admission: AdmissionLike, error: BaseException) -> None:
    """End a reservation whose call failed."""
    if isinstance(error, BackendError):
        charge_failure(admission, error, "")
    else:
        admission.settle(cacheable=False)


def _settled(admission: AdmissionLike, reply: Reply) -> None:
    admission.settle(reply_usage(admission, reply), cacheable=False)


class Shadow(_Second):
    """Second answers of the blocking client, in one thread that starts with the first of them."""

    def __init__(self, governor: Any, backends: Mapping[str, Any], judge: Judge | None) -> None:
        """Start nothing yet."""
        super().__init__(governor, backends, judge)
        self._jobs: deque[Job] = deque()
        self._begin()

    def _begin(self) -> None:
        """Begin anew; a forked child has neither the thread nor its lock."""
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._pid = os.getpid()
        self._jobs.clear()
        self._busy = self._closed = False

    def offer(self, walk: Walk, answer: Answer) -> None:
        """Have an answer judged if chance picks it. Returns at once and never fails."""
        if self._judge is None:
            return
        try:
            job = self._job(walk, answer)
            if job is None:
                return
            if self._pid != os.getpid():
                self._begin()
            with self._changed:
                if self._closed or len(self._jobs) >= _MOST_WAITING:
                    return
                self._jobs.append(job)
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name="tierkit-shadow", daemon=True)
                    self._thread.start()
                self._changed.notify_all()
        except Exception as error:  # noqa: BLE001 - the caller has its answer; nothing here may take it away
            self._failed(error)

    def wait(self, timeout_s: float) -> bool:
        """Wait until all that were offered are judged; False when the time is over before."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._jobs and not self._busy, timeout_s)

    def close(self) -> None:
        """Take no more, and drop those that wait."""
        with self._changed:
            self._closed = True
            self._jobs.clear()
            self._changed.notify_all()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._busy = False
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._jobs or self._closed)
                if self._closed:
                    return
                job = self._jobs.popleft()
                self._busy = True
            try:
                self._answer(job)
            except Exception as error:  # noqa: BLE001 - one failure must not end the thread
                self._failed(error)

    def _answer(self, job: Job) -> None:
        admission = self._admitted(job)
        if admission is None:
            return
        try:
            reply = self._backends[admission.backend].complete(job.call(admission))
        except BaseException as error:
            _ended(admission, error)
            raise
        _settled(admission, reply)
        self._keep(job, self._judge(job.messages, job.text, reply.text))


class AsyncShadow(_Second):
    """Second answers of the asyncio client, as tasks of its loop; the judge may be a coroutine function."""

    def __init__(self, governor: Any, backends: Mapping[str, Any], judge: AsyncJudge | None) -> None:
        """Start nothing yet."""
        super().__init__(governor, backends, judge)
        self._tasks: set[Any] = set()

    def offer(self, walk: Walk, answer: Answer) -> None:
        """Have an answer judged if chance picks it. Returns at once and never fails."""
        if self._judge is None:
            return
        try:
            job = self._job(walk, answer)
            if job is None or len(self._tasks) >= _MOST_WAITING:
                return
            import asyncio  # noqa: PLC0415 - not needed to import the package

            task = asyncio.ensure_future(self._answer(job))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        except Exception as error:  # noqa: BLE001 - as in `Shadow.offer`
            self._failed(error)

    async def wait(self, timeout_s: float) -> bool:
        """Wait until all that were offered are judged; False when the time is over before."""
        import asyncio  # noqa: PLC0415 - as above

        if not self._tasks:
            return True
        _, late = await asyncio.wait(set(self._tasks), timeout=timeout_s)
        return not late

    def close(self) -> None:
        """Cancel those that are not done; what was sent is posted as reserved."""
        for task in set(self._tasks):
            task.cancel()

    async def _answer(self, job: Job) -> None:
        try:
            admission = self._admitted(job)
            if admission is None:
                return
            try:
                reply = await self._backends[admission.backend].acomplete(job.call(admission))
            except BaseException as error:
                _ended(admission, error)
                raise
            _settled(admission, reply)
            found = self._judge(job.messages, job.text, reply.text)
            self._keep(job, found if isinstance(found, tuple) else await found)
        except Exception as error:  # noqa: BLE001 - a task has nobody to tell
            self._failed(error)
