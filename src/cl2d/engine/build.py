"""How the compiled engine was built, and which kernels it runs."""

from __future__ import annotations

from cl2d import _native
from cl2d.errors import InputError


def simd_level() -> str:
    """Return the name of the kernels in use: "baseline", "avx2" or "avx512".

    The fastest that this machine runs, unless the environment variable CL2D_SIMD says otherwise.

    Raises
    ------
    InputError
        If CL2D_SIMD names no kernels that this machine can run.
    """
    try:
        return str(_native.simd_level())
    except ValueError as error:
        raise InputError(str(error)) from None


def available_simd_levels() -> list[str]:
    """Return the kernels this machine can run, slowest first."""
    return list(_native.available_simd_levels())


def set_simd_level(name: str) -> None:
    """Use other kernels from now on; not while a run goes on in another thread.

    Raises
    ------
    ValueError
        If this machine cannot run them.
    """
    _native.set_simd_level(name)


def build_info() -> dict[str, str | bool | list[str]]:
    """Return version, compiler, OpenMP, Eigen and SIMD levels of the compiled engine."""
    return {
        "version": _native.version,
        "compiler": _native.compiler,
        "openmp": _native.has_openmp,
        "eigen": _native.eigen_version,
        "simd_level": simd_level(),
        "simd_levels": available_simd_levels(),
    }
