"""Worker process and the pipe to it; if it crashes, hangs or is killed, only its task is lost.

Processes share neither pipes nor locks, so a half-sent message or a held lock of one can stop no other.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from threading import Lock, Thread, Timer
from typing import Any

from musicfeat.catalog.workers.file_embedder import FileEmbedder
from musicfeat.catalog.workers.options import ModelOptions
from musicfeat.errors import CatalogError, MusicfeatError

OPENING_SECONDS = 120.0
"""Seconds for a process to start, and for it to open the model."""
ANSWER_SECONDS = 60.0
"""Seconds for an answer to come through the pipe, once it has begun."""
ENDING_SECONDS = 3.0
"""Seconds after which a killed process is abandoned; the system cannot end one that waits for a dead disk."""
LONGEST_SECONDS = 1e6
"""Longest wait that a system call accepts."""
STARTS = 3
_HIDING = Lock()
_SPAWN = multiprocessing.get_context("spawn")


class CrashError(Exception):
    """Error for a process that ended before its task was done."""


def embed(options: ModelOptions, paths: Any) -> Any:
    """Work for a catalog: the results of some files, or for None the description of the model."""
    return _opened(options).describe() if paths is None else _opened(options)(paths)


class WorkerProcess:
    """A process that works on files; it is started when needed, and again after it died.

    Args:
        options: how it opens the model.
        work: a module's function that does a task; it is called with ``options`` and the task.
    """

    def __init__(self, options: ModelOptions, work: Callable[[ModelOptions, Any], Any] = embed) -> None:
        self._options, self._work = options, work
        self._process: SpawnProcess | None = None
        self._pipe: Connection | None = None
        self._closed, self._changing = False, Lock()

    def call(self, task: Any, time_limit: float) -> Any:
        """Result of the work for a task, never None.

        Raises:
            CrashError: the process died.
            TimeoutError: the process took longer than ``time_limit`` seconds, and was killed.
            CatalogError: no process can be started.
            MusicfeatError: an error of the work, such as a model that cannot be opened.
        """
        process, pipe = self._started()
        time_limit = min(time_limit, LONGEST_SECONDS)
        end = time.monotonic() + time_limit
        guard = Timer(time_limit + ANSWER_SECONDS, process.kill)
        guard.daemon = True
        guard.start()
        answer = None
        try:
            pipe.send(task)
            if pipe.poll(time_limit):
                answer = pipe.recv()
        except (EOFError, OSError):
            pass
        finally:
            guard.cancel()
        if answer is None:
            late, code = time.monotonic() >= end, self._end()
            raise TimeoutError if late else CrashError(f"exit code {code}")
        if isinstance(answer, Exception):
            raise answer
        return answer

    def close(self) -> None:
        """End the process at once; a waiting call fails."""
        with self._changing:
            self._closed = True
            process = self._process
        if process is not None:
            process.kill()
            process.join(ENDING_SECONDS)

    def _started(self) -> tuple[SpawnProcess, Connection]:
        if self._process is not None and self._pipe is not None and self._process.is_alive():
            return self._process, self._pipe
        for _ in range(STARTS):
            process, pipe = self._start()
            with suppress(EOFError, OSError):
                if pipe.poll(OPENING_SECONDS) and pipe.recv():
                    return process, pipe
            code = self._end()
            if code is None or code > 0:  # not killed from outside
                break
        raise CatalogError(
            "worker processes cannot start; a script that calls embed_catalog must do so under "
            '`if __name__ == "__main__":`'
        )

    def _start(self) -> tuple[SpawnProcess, Connection]:
        with self._changing:
            if self._closed:
                raise CrashError
            self._pipe, theirs = _SPAWN.Pipe()
            self._process = _SPAWN.Process(target=_serve, args=(theirs, self._options, self._work), daemon=True)
            try:
                with _known_main():
                    self._process.start()
            except OSError as error:
                raise CatalogError(f"worker processes cannot start: {error}") from error
            finally:
                theirs.close()
        return self._process, self._pipe

    def _end(self) -> int | None:
        """Kill the process, and return its exit code if it has ended."""
        if self._process is None or self._pipe is None:
            return None
        self._process.kill()
        self._process.join(ENDING_SECONDS)
        self._pipe.close()
        code, self._process = self._process.exitcode, None
        return code


@contextmanager
def _known_main() -> Iterator[None]:
    """Hide the name of a program from standard input; a new process would look for a file of that name."""
    main = sys.modules.get("__main__")
    with _HIDING:
        name = getattr(main, "__file__", None)
        if name is None or os.path.exists(name):
            yield
            return
        del main.__file__  # type: ignore[union-attr]
        try:
            yield
        finally:
            main.__file__ = name  # type: ignore[union-attr]


def _serve(pipe: Connection, options: ModelOptions, work: Callable[[ModelOptions, Any], Any]) -> None:
    """Loop of the process: answer tasks until the pipe closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends this one
    Thread(target=_end_with_parent, daemon=True).start()
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):  # decoders print messages about damaged files
        os.dup2(nowhere, stream)
    with suppress(EOFError, OSError):
        pipe.send(True)
        while True:
            pipe.send(_answer(options, work, pipe.recv()))


def _answer(options: ModelOptions, work: Callable[[ModelOptions, Any], Any], task: Any) -> Any:
    try:
        return work(options, task)
    except MusicfeatError as error:
        return error
    except Exception as error:
        return RuntimeError(f"{type(error).__name__}: {error}")  # any other error may not survive pickling


@cache
def _opened(options: ModelOptions) -> FileEmbedder:
    return FileEmbedder(options)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
