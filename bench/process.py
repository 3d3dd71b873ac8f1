"""A worker as the runner sees it: started, sent requests, paused while others are timed, ended."""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from bench.messages import Failure, Job
from bench.peers import environment, split

_ROOT = Path(__file__).parents[1]


class WorkerError(Exception):
    """A worker failed; `failure` says why."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.reason)
        self.failure = failure


class WorkerProcess:
    """The process of one contender.

    Between answers the process is stopped (SIGSTOP). Waiting threads of several libraries spin for
    up to 0.1 s before they sleep, and would take processors from whoever is timed next; a stopped
    process takes none, and no setting of a library needs to be changed for that.

    Parameters
    ----------
    job : Job
        What to time first.
    threads : int
        How many threads the framework may use.
    timeout : float
        Seconds that each answer may take.
    """

    def __init__(self, job: Job, *, threads: int, timeout: float) -> None:
        self._timeout = timeout
        self._scratch = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self._stderr = Path(self._scratch.name, "stderr")
        framework, _ = split(job.contender)
        self.spawned = time.perf_counter()
        with self._stderr.open("wb") as stderr:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "bench.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                cwd=_ROOT,
                env={**os.environ, **environment(framework, threads, self._scratch.name)},
            )
        self._send(job)

    def start(self, job: Job) -> None:
        """Give a paused process its next job."""
        self._signal(signal.SIGCONT)
        self._send(job)

    def ask(self, request: str) -> Any:
        """Continue the process, wait for its answer to `request`, and stop it again."""
        self._signal(signal.SIGCONT)
        self._send(request)
        answer = self.receive()
        self.pause()
        return answer

    def receive(self) -> Any:
        """Wait for an answer.

        Raises
        ------
        WorkerError
            If the worker fails, dies or takes too long.
        """
        assert self._process.stdout is not None
        expired = threading.Event()

        def end() -> None:
            expired.set()
            self._kill()

        timer = threading.Timer(self._timeout, end)
        timer.start()
        try:
            answer = pickle.load(self._process.stdout)
        except (EOFError, pickle.UnpicklingError):
            answer = self._death(expired.is_set())
        finally:
            timer.cancel()
        if isinstance(answer, Failure):
            raise WorkerError(answer)
        return answer

    def pause(self) -> None:
        self._signal(signal.SIGSTOP)

    def close(self) -> None:
        """End the process and its helpers."""
        self._kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            with contextlib.suppress(BrokenPipeError):
                stream.close()
        self._scratch.cleanup()

    def _send(self, message: object) -> None:
        assert self._process.stdin is not None
        # A worker that is dead is noticed, with the reason, when its answer is read.
        with contextlib.suppress(BrokenPipeError):
            pickle.dump(message, self._process.stdin)
            self._process.stdin.flush()

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    def _kill(self) -> None:
        self._signal(signal.SIGKILL)
        self._process.kill()  # a worker that has not made its group yet

    def _death(self, expired: bool) -> Failure:
        if expired:
            reason = f"no answer within {self._timeout:g} s"
        else:
            code = self._process.wait()
            reason = f"ended with code {code}" if code >= 0 else signal.Signals(-code).name
        return Failure(reason, True, self._stderr.read_text(errors="replace")[-4000:])
