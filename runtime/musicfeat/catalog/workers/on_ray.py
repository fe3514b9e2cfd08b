"""Workers on a Ray cluster, existing or started on this machine; all else is as with local workers."""

from __future__ import annotations

import logging
import math
import os
import pickle
import secrets
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import cache
from importlib import import_module
from itertools import islice
from typing import Any, Self

import pyarrow as pa

from musicfeat.catalog.workers.local import LocalPool, groups
from musicfeat.catalog.workers.options import Description, ModelOptions
from musicfeat.catalog.workers.result import FileResult
from musicfeat.errors import CatalogError, DeviceError, InputError, MusicfeatError
from musicfeat.model.session import cores

# Ray reads these variables on import: they switch off its usage reports and its own messages.
for _name, _value in {"USAGE_STATS_ENABLED": "0", "BACKEND_LOG_LEVEL": "fatal", "DEDUP_LOGS_SKIP_REGEX": "^"}.items():
    os.environ.setdefault(f"RAY_{_name}", _value)

try:
    ray: Any = import_module("ray")  # typed in some versions only
    import_module("ray.data")
except ImportError as found:
    raise CatalogError(f"the engine 'ray' needs {found.name}: pip install 'musicfeat[ray]'") from found

OPENING_SECONDS = 600.0
"""Seconds that the cluster may take to find a free core, or to start a machine that has one."""
STORE_BYTES = 512 << 20
"""Shared memory for results in transit in a cluster on this machine; more goes to its disk."""
GROUPS_AT_ONCE = 64
"""Number of groups of each worker passed to Ray together: some minutes of work, since it keeps 5 kB for each."""
SHARE_STEP = 10_000
"""Number of parts into which Ray divides a GPU."""


class RayPool:
    """Pool of Ray Data tasks that embed files, one core each and a share of a GPU if asked, with results in order.

    Ray runs successive tasks in one process, which keeps a worker process as the local engine does: the model is
    opened once, and a file that crashes or hangs costs only itself. Tasks of a killed process or a lost machine are
    repeated elsewhere; an actor would wait for a place of its own, in a smaller cluster for ever.
    Every machine must see the files under the same names and have this package installed.

    The cluster is the one that the script has connected to, else the one in ``RAY_ADDRESS``, else a new one on this
    machine until the end, without messages and without reports to Ray's makers.

    Args:
        options: how each worker opens the model; the cluster chooses the GPU.
        workers: number of tasks at a time; None is one for each core of the cluster.
        time_limit: as for ``LocalPool``.
    """

    def __init__(self, options: ModelOptions, workers: int | None, time_limit: float) -> None:
        self._options, self._workers, self._limit = _placed(options), workers, time_limit
        self._held = ExitStack()

    def __enter__(self) -> Self:
        self._held.enter_context(_connected(self._workers))
        self._held.enter_context(_unlogged())
        return self

    def __exit__(self, *error: object) -> None:
        self._held.close()

    @property
    def workers(self) -> int:
        """Number of tasks at a time."""
        return self._workers or max(1, int(ray.cluster_resources().get("CPU", 1)))

    def describe(self) -> Description:
        """Facts of the model, from a machine that will run it.

        Raises:
            ModelError, DeviceError, InputError: the model cannot be opened as asked.
            CatalogError: no worker can be started.
        """
        try:
            task = ray.remote(**self._needs())(_describe).remote(self._options, self._limit)
            return ray.get(task, timeout=OPENING_SECONDS)
        except ray.exceptions.RayError as error:
            cause = getattr(error, "cause", None)
            if isinstance(cause, MusicfeatError):
                raise cause from None
            raise CatalogError(f"the model cannot be opened on the Ray cluster: {_reason(error)}") from error

    def map(self, paths: Iterable[str], expected: int) -> Iterator[FileResult]:
        """Result of each file, in order; see ``LocalPool.map``.

        Raises:
            CatalogError: workers fail for a reason that holds on every machine.
        """
        waiting = groups(paths, expected, self.workers)
        while some := list(islice(waiting, GROUPS_AT_ONCE * self.workers)):
            try:
                yield from self._run(some)
            except ray.exceptions.RayError as error:
                raise CatalogError(
                    f"workers on the Ray cluster failed ({_reason(error)}); finished files are kept: mend it, run again"
                ) from error

    def _run(self, some: list[list[str]]) -> Iterator[FileResult]:
        """Results of some groups; a task whose process or machine is lost is run again by Ray."""
        blocks = [{"paths": pickle.dumps(group)} for group in some]
        with ray.data.DataContext.current(_quiet_and_in_order()):
            found = ray.data.from_items(blocks, override_num_blocks=len(blocks)).map_batches(
                _embed,
                fn_args=(self._options, self._limit),
                compute=ray.data.TaskPoolStrategy(size=self.workers),
                batch_size=1,
                batch_format="pyarrow",
                **self._needs(),
            )
            for batch in found.iter_batches(batch_size=None, batch_format="pyarrow"):
                for result in batch.column("result"):
                    yield pickle.loads(result.as_buffer())

    def _needs(self) -> dict[str, float]:
        """Resources that each task takes of its machine."""
        if self._options.device == "cpu":
            return {"num_cpus": 1}
        gpus = int(ray.cluster_resources().get("GPU", 0))
        if not gpus:
            raise DeviceError(f"device {self._options.device!r} needs a GPU, and the Ray cluster has none")
        return {"num_cpus": 1, "num_gpus": gpu_share(self.workers, gpus), "max_calls": 0}


def gpu_share(workers: int, gpus: int) -> float:
    """The largest share of a GPU that lets all workers run."""
    each = math.ceil(workers / gpus)
    return math.floor(SHARE_STEP / each) / SHARE_STEP


def _embed(batch: pa.Table, options: ModelOptions, time_limit: float) -> pa.Table:
    """Pickled results of groups of paths."""
    paths = [path for group in batch.column("paths") for path in pickle.loads(group.as_buffer())]
    results = [pickle.dumps(result) for result in _pool(options, time_limit).map(paths, sys.maxsize)]
    return pa.table({"result": pa.array(results, pa.binary())})


@cache
def _pool(options: ModelOptions, time_limit: float) -> LocalPool:
    """The pool that a process of Ray keeps from task to task."""
    vars(sys.modules["__main__"]).pop("__file__", None)  # a spawned process would import it, and with it all of Ray
    return LocalPool(options, 1, time_limit)


def _describe(options: ModelOptions, time_limit: float) -> Description:
    return _pool(options, time_limit).describe()


def _reason(error: Exception) -> str:
    """The message of an error without the trace before it."""
    return (str(error).strip().splitlines() or [type(error).__name__])[-1]


def _placed(options: ModelOptions) -> ModelOptions:
    if options.device == "cpu":
        return options
    if options.device not in ("cuda", "cuda:0"):
        raise InputError(
            f"on Ray device must be 'cpu' or 'cuda', for the cluster chooses the GPU, got {options.device!r}"
        )
    return replace(options, device="cuda:0")


@contextmanager
def _connected(workers: int | None) -> Iterator[None]:
    """Hold a connection to a cluster, unless the script holds one already."""
    if ray.is_initialized():
        yield
        return
    address = os.environ.get("RAY_ADDRESS")
    local: dict[str, Any] = {} if address else {"num_cpus": workers or cores(), "object_store_memory": STORE_BYTES}
    if not address:
        _bring_token()
    try:
        with _silenced():
            ray.init(
                address=address or "local",
                include_dashboard=None if address else False,
                log_to_driver=False,
                logging_level=logging.ERROR,
                **local,
            )
    except (ConnectionError, RuntimeError, OSError) as error:
        raise CatalogError(f"no connection to the Ray cluster {address or 'of this machine'}: {error}") from error
    try:
        yield
    finally:
        ray.shutdown()


def _bring_token() -> None:
    """Set a token for this machine's cluster in this process alone; Ray would write one into the home folder."""
    named = "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"
    if not any(name in os.environ for name in named) and not os.path.exists(os.path.expanduser("~/.ray/auth_token")):
        os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)


@contextmanager
def _silenced() -> Iterator[None]:
    """Keep the output of native code off the terminal; errors are raised as exceptions."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _quiet_and_in_order() -> Any:
    context = ray.data.DataContext.get_current().copy()
    context.enable_progress_bars = context.print_on_execution_start = False
    context.execution_options.preserve_order = True
    return context


@contextmanager
def _unlogged() -> Iterator[None]:
    """Suppress Ray Data's log of lost tasks, which it raises as well."""
    logger = logging.getLogger("ray.data")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(level)
