"""A campaign gives the same report whoever runs it: one process, several, or a cluster."""

import warnings
from pathlib import Path

import pytest

from grusym.errors import InputError
from grusym.oracle.check import judge, plan_of
from grusym.oracle.plan import tasks
from grusym.oracle.targets.target import Part, Target
from grusym.oracle.workers import on_cluster, on_processes

TARGET = Target(name=f"{Path(__file__).parent / 'implementations.py'}:gru")


@pytest.fixture(scope="module")
def part():
    return Part(TARGET, plan_of("torch", "float64", "gru", None, 30, 3))


@pytest.fixture(scope="module")
def alone(part):
    return judge(part.load(), part.plan)


@pytest.mark.parametrize("jobs", [1, 2])
def test_processes_give_the_same_report(part, alone, jobs):
    assert judge(part.load(), part.plan, workers=lambda plan, tasks: on_processes(part, tasks, jobs)) == alone


def test_a_cluster_gives_the_same_report(part, alone):
    distributed = pytest.importorskip("distributed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the cluster's own machinery: ports in use, event loops
        cluster = distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1"
        )
        with cluster:
            address = cluster.scheduler_address
            found = judge(part.load(), part.plan, workers=lambda plan, tasks: on_cluster(part, tasks, address))
    assert found == alone


ENDS = "import os\n\n\ndef forward(x, h0, params):\n    os._exit(7)\n"


def test_an_implementation_that_ends_its_process_is_a_sentence(part, tmp_path):
    path = tmp_path / "ends.py"
    path.write_text(ENDS)
    ends = Part(Target(name=f"{path}:forward"), part.plan)
    with pytest.raises(InputError, match=r"ends\.py:forward ended the process that judged it"):
        list(on_processes(ends, tasks(part.plan, gradients=False)[:1], 2))


def test_an_implementation_that_ends_a_worker_is_a_sentence(part, tmp_path):
    distributed = pytest.importorskip("distributed")
    import dask

    path = tmp_path / "ends.py"
    path.write_text(ENDS)
    ends = Part(Target(name=f"{path}:forward"), part.plan)
    with warnings.catch_warnings(), dask.config.set({"distributed.scheduler.allowed-failures": 0}):
        warnings.simplefilter("ignore")
        with distributed.LocalCluster(
            n_workers=1, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1"
        ) as cluster:
            todo, address = tasks(part.plan, gradients=False)[:1], cluster.scheduler_address
            with pytest.raises(InputError, match=r"ends\.py:forward ended the process that judged it"):
                list(on_cluster(ends, todo, address))


def test_a_scheduler_that_is_not_there_is_a_sentence(part):
    pytest.importorskip("distributed")
    with pytest.raises(InputError, match=r"there is no dask scheduler at tcp://127\.0\.0\.1:9: .*dask scheduler"):
        list(on_cluster(part, [], "tcp://127.0.0.1:9"))


def test_no_jobs_are_refused(part):
    with pytest.raises(InputError, match="--jobs is 0"):
        list(on_processes(part, [], 0))
