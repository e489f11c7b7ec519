"""What the tests beside real systems share: one thread each, and JAX in double precision while they run."""

import os

import pytest

from tests.systems.presence import require

# Read when a system is imported, which no test has done yet; two cores are shared by all workers of a run.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false --xla_backend_optimization_level=0")
os.environ.setdefault("JAX_PLATFORMS", "cpu")


@pytest.fixture(scope="module")
def jax_in_float64():
    """JAX makes float32 of every float64 unless it is told not to."""
    require("jax", "jax")
    import jax

    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", before)
