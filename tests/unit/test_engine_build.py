from __future__ import annotations

import os
import subprocess
import sys

import pytest

import cl2d
from cl2d.engine import available_simd_levels, build_info, set_simd_level, simd_level


def run_python(code, cl2d_simd):
    environment = {**os.environ, "CL2D_SIMD": cl2d_simd}
    # The interpreter that runs the tests, a fixed program and no shell.
    return subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture
def restored_level():
    before = simd_level()
    yield
    set_simd_level(before)


def test_build_tells_version_compiler_and_kernels():
    info = build_info()
    assert info["version"] == cl2d.__version__
    assert str(info["compiler"]).startswith(("gcc ", "clang "))
    assert info["simd_level"] in info["simd_levels"]
    assert isinstance(info["openmp"], bool)
    assert str(info["eigen"]).count(".") == 2


def test_every_machine_runs_the_baseline():
    assert available_simd_levels()[0] == "baseline"


@pytest.mark.usefixtures("restored_level")
def test_level_that_was_set_is_in_use():
    for level in available_simd_levels():
        set_simd_level(level)
        assert simd_level() == level


def test_unknown_level_is_refused_with_the_known_ones():
    before = simd_level()
    with pytest.raises(ValueError, match=r"one of baseline.* not 'sse9'"):
        set_simd_level("sse9")
    assert simd_level() == before


def test_environment_forces_a_level():
    done = run_python("import cl2d; print(cl2d.simd_level())", "baseline")
    assert (done.returncode, done.stdout.strip()) == (0, "baseline")


def test_empty_environment_variable_is_no_choice():
    done = run_python("import cl2d; print(cl2d.simd_level())", "")
    assert done.stdout.strip() == available_simd_levels()[-1]


@pytest.mark.parametrize(
    "call",
    [
        "cl2d.simd_level()",
        "cl2d.classify(np.random.default_rng(0).normal(size=(40, 32, 32)), n_classes=2)",
    ],
    ids=["asking", "working"],
)
def test_level_that_cannot_run_fails_loudly_when_kernels_are_needed(call):
    done = run_python(f"import cl2d, numpy as np\n{call}", "nonsense")
    assert done.returncode != 0
    assert "CL2D_SIMD must be one of baseline" in done.stderr
    assert "not 'nonsense'" in done.stderr
