"""A campaign on many workers: processes of this machine, or a dask.distributed cluster.

The tasks are the same whoever runs them, each with its own seed, and their results are put together in the order of the
tasks: the report does not depend on how many workers there are.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import lru_cache
from multiprocessing import get_context
from typing import Any

from grusym.errors import InputError
from grusym.oracle.campaign import run_task
from grusym.oracle.plan import Task
from grusym.oracle.report import CheckResult
from grusym.oracle.subject import Subject
from grusym.oracle.targets.target import Part

CONNECT_SECONDS = 10


def on_processes(part: Part, tasks: Sequence[Task], jobs: int) -> Iterator[list[CheckResult]]:
    """The results of each task, in their order, from this many processes.

    Raises InputError for fewer than one, where the implementation ends a process, and what loading the target raises.
    """
    if jobs < 1:
        raise InputError(f"--jobs is {jobs}; give 1 or more")
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        futures = [pool.submit(work, part, task) for task in tasks]
        try:
            for future in futures:
                yield future.result()
        except BrokenProcessPool as error:
            raise _ended(part) from error
        finally:  # where no more are wanted
            pool.shutdown(cancel_futures=True)


def on_cluster(part: Part, tasks: Sequence[Task], address: str) -> Iterator[list[CheckResult]]:
    """The results of each task, in their order, from the workers of a dask.distributed scheduler.

    Its workers need grusym and the target where they can import them. Raises InputError where there is no scheduler,
    where a worker cannot import the target, and where the implementation ends a worker's process.
    """
    with _client(address) as client:
        from distributed import KilledWorker

        futures = [client.submit(work, part, task, pure=False) for task in tasks]
        try:
            for future in futures:
                yield future.result()
        except KilledWorker as error:
            raise _ended(part) from error
        finally:  # where no more are wanted
            client.cancel(futures)


def _ended(part: Part) -> InputError:
    return InputError(
        f"{part.target} ended the process that judged it, as a crash in native code does; "
        "run it by itself, under a debugger or with python -X faulthandler"
    )


def work(part: Part, task: Task) -> list[CheckResult]:
    """One task, by a worker, which loads the implementation once."""
    return run_task(_loaded(part), part.plan, task)


@lru_cache(maxsize=4)
def _loaded(part: Part) -> Subject:
    return part.load()


@contextmanager
def _client(address: str) -> Iterator[Any]:
    try:
        from distributed import Client
    except ImportError as error:
        raise InputError("--dask needs dask.distributed; install it: pip install distributed") from error
    try:
        client = Client(address, timeout=CONNECT_SECONDS)
    except (OSError, ValueError) as error:
        raise InputError(f"there is no dask scheduler at {address}: {error}; start one with: dask scheduler") from error
    with client:
        yield client
