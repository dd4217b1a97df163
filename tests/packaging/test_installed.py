"""Facts of the package as it is installed: whole, consistent, and plain about what it lacks."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib import import_module, metadata
from pathlib import Path

import pytest

import cl2d

SOURCE = Path(__file__).parents[2] / "src"


@pytest.fixture
def package() -> Path:
    """Return the folder that ``import cl2d`` found."""
    return Path(cl2d.__file__).parent


def python(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run code in a new interpreter that looks for packages in one folder first."""
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.skipif(
    "CL2D_EXPECT_INSTALLED" not in os.environ, reason="only where the package must be installed"
)
def test_installed_package_is_the_one_tested(package: Path) -> None:
    assert not package.is_relative_to(SOURCE)
    assert package == Path(str(metadata.distribution("cl2d").locate_file("cl2d")))


def test_extension_lies_beside_the_package(package: Path) -> None:
    native = import_module("cl2d._native")
    assert Path(str(native.__file__)).parent == package


def test_extension_and_package_have_one_version() -> None:
    native = import_module("cl2d._native")
    assert native.version == cl2d.__version__


def test_types_are_shipped(package: Path) -> None:
    assert (package / "py.typed").is_file()
    assert (package / "_native.pyi").is_file()


def test_parts_of_the_page_are_shipped(package: Path) -> None:
    html = import_module("cl2d.outputs.report.page").html

    assert "<html" in html({})
    assert (package / "outputs" / "report" / "page.css").is_file()


def test_every_machine_has_the_baseline_and_uses_a_level_it_has() -> None:
    levels = cl2d.available_simd_levels()
    assert levels[0] == "baseline"
    assert cl2d.simd_level() in levels


def test_copy_of_the_package_can_be_imported(package: Path, tmp_path: Path) -> None:
    shutil.copytree(package, tmp_path / "cl2d", ignore=shutil.ignore_patterns("__pycache__"))
    run = python("import cl2d; print(cl2d.__file__)", tmp_path)
    assert run.returncode == 0, run.stderr
    assert Path(run.stdout.strip()).parent == tmp_path / "cl2d"


def test_package_without_its_extension_says_how_to_mend_it(package: Path, tmp_path: Path) -> None:
    lacking = shutil.ignore_patterns("__pycache__", "_native*.so")
    shutil.copytree(package, tmp_path / "cl2d", ignore=lacking)
    run = python("import cl2d", tmp_path)
    assert run.returncode == 1
    last_line = run.stderr.strip().splitlines()[-1]
    assert last_line.startswith("ImportError: ")
    assert "pip install" in last_line


def test_unknown_simd_level_is_refused_aloud(package: Path, tmp_path: Path) -> None:
    shutil.copytree(package, tmp_path / "cl2d", ignore=shutil.ignore_patterns("__pycache__"))
    code = "import os; os.environ['CL2D_SIMD'] = 'sse9'; import cl2d; cl2d.simd_level()"
    run = python(code, tmp_path)
    assert run.returncode == 1
    assert "CL2D_SIMD" in run.stderr
    assert "sse9" in run.stderr
