"""The checks, one session each: `nox -s ruff`, `nox -s cpp`, ... in the environment that is active.

No session makes an environment of its own: the engine would be compiled for each of them. What
they need is ``pip install . && pip install --group dev``; ``.ci/run`` does just that.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tarfile
import tempfile
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import nox

nox.needs_version = ">=2025.5"
nox.options.default_venv_backend = "none"
nox.options.stop_on_first_error = True
nox.options.error_on_missing_interpreters = False

ROOT = Path(__file__).parent
STUB = ROOT / "src" / "cl2d" / "_native.pyi"
KERNELS = ROOT / "cpp" / "src" / "kernels"
NEEDED_IN_SDIST = {"pyproject.toml", "CMakeLists.txt", "LICENSE", "README.md", "cpp/CMakeLists.txt"}
LARGEST_SDIST_BYTES = 4 << 20
OUT_OF_REACH = (
    *("could not be audited", "ServiceError", "ConnectionError", "HTTPError", "timed out"),
    "Max retries exceeded",
)
WITH_EXTENSION = {"asan", "tsan"}
WATCHED = {"tsan", "fuzz"}
CORPUS = ROOT / "cpp" / "fuzz" / "corpus.txt"
COMPUTING = (
    *("property/test_alignment.py", "unit/test_e*.py", "unit/test_cor*.py"),
    *("unit/test_levels_[!b]*.py", "unit/test_native_*.py", "unit/test_preprocess_*.py"),
    *(f"end_to_end/test_{name}*.py" for name in ("a", "classify", "core", "ctf", "fast", "robust")),
)
"""Patterns of the tests whose results depend on the engine's kernels."""
N_JOBS = str(len(os.sched_getaffinity(0)))


def cpp_files(*patterns: str) -> list[str]:
    """Return the C++ files of the tree that match, relative to its root."""
    found = {path for pattern in patterns for path in (ROOT / "cpp").glob(pattern)}
    return [str(path.relative_to(ROOT)) for path in sorted(found)]


@nox.session
def ruff(session: nox.Session) -> None:
    """Lint the Python files and compare their layout with the formatter's."""
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")


@nox.session
def mypy(session: nox.Session) -> None:
    """Check the types, strictly."""
    session.run("mypy")


@nox.session
def layers(session: nox.Session) -> None:
    """Check that imports only go down the layers of the package."""
    session.run("lint-imports", "--no-cache", env={"PYTHONPATH": str(ROOT / "src")})


@nox.session
def spelling(session: nox.Session) -> None:
    """Look for common misspellings everywhere."""
    session.run("codespell")


@nox.session
def audit(session: nox.Session) -> None:
    """Compare what cl2d needs with the published advisories; skip where these are out of reach."""
    if shutil.which("pip-audit") is None:
        session.skip("pip-audit is not installed (pip install pip-audit)")
    needs = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    names = [re.split(r"[<>=!~ \[]", need)[0] for need in needs]
    installed = [f"{name}=={metadata.version(name)}\n" for name in names]
    with tempfile.TemporaryDirectory() as folder:
        wanted = Path(folder) / "requirements.txt"
        wanted.write_text("".join(installed))
        command = ["pip-audit", "--no-deps", "--disable-pip", "--progress-spinner", "off"]
        done = subprocess.run(
            [*command, "--requirement", str(wanted)], capture_output=True, text=True, check=False
        )
    said = done.stdout + done.stderr
    session.log(said.strip())
    if any(word in said for word in OUT_OF_REACH):
        session.skip("the advisories are out of reach, so nothing is known")
    if done.returncode:
        session.error("a dependency has a known vulnerability")


@nox.session
def cpp_format(session: nox.Session) -> None:
    """Compare the layout of the C++ and CMake files with the formatters'."""
    files = cpp_files("**/*.cpp", "**/*.hpp", "**/*.inl")
    session.run("clang-format", "--dry-run", "-Werror", *files)
    session.run("gersemi", "--check", "CMakeLists.txt", "cpp")


@nox.session
def page(session: nox.Session) -> None:
    """Lint the scripts of the report's page and compare their layout with the formatter's."""
    session.run("biome", "ci", "src/cl2d/outputs/report")


def build(session: nox.Session, preset: str) -> None:
    """Build what a CMake preset says."""
    found = []
    if preset in WITH_EXTENSION:
        folder = session.run("python", "-m", "pybind11", "--cmakedir", silent=True)
        found = [f"-Dpybind11_DIR={str(folder).strip()}"]
    session.run("cmake", "--preset", preset, "--fresh", *found)
    session.run("cmake", "--build", "--preset", preset, "--parallel", N_JOBS)


def build_and_test(
    session: nox.Session, preset: str, env: dict[str, str | None] | None = None
) -> None:
    """Build the engine and its tests by a CMake preset, and run them."""
    build(session, preset)
    folder = f"build/{preset}/cpp"
    session.run("ctest", "--test-dir", folder, "--output-on-failure", "--no-tests=error", env=env)


def run_sanitised(
    session: nox.Session, preset: str, runtimes: list[str], env: dict[str, str | None]
) -> None:
    """Run the package from Python with the extension of a preset, and call all it exposes.

    The sanitiser's runtime must be there before the interpreter, which is not built with it.
    """
    package = ROOT / "build" / preset / "python" / "cl2d"
    shutil.rmtree(package, ignore_errors=True)
    shutil.copytree(ROOT / "src" / "cl2d", package, ignore=shutil.ignore_patterns("*.so", "*.pyc"))
    (extension,) = (ROOT / "build" / preset / "cpp").glob("_native*.so")
    shutil.copy(extension, package)
    found = [session.run("gcc", f"-print-file-name={name}", silent=True) for name in runtimes]
    together = {
        "LD_PRELOAD": ":".join(str(path).strip() for path in found),
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONPATH": f"{package.parent}:{ROOT}",
        **env,
    }
    session.run("python", "tests/sanitized/small_run.py", env=together)
    calls = ("tests/unit/test_native_refusals.py", "tests/unit/test_engine_search.py")
    session.run("pytest", "-q", "-p", "no:cacheprovider", "--no-showlocals", *calls, env=together)


@nox.session
def cpp(session: nox.Session) -> None:
    """Build the engine without Python, all warnings errors, and run its tests."""
    build_and_test(session, "dev")


@nox.session
def instructions(session: nox.Session) -> None:
    """Count the engine's instructions in small cases; ``-- --renew`` commits what is counted."""
    if shutil.which("valgrind") is None:
        session.error("instructions are counted by valgrind, which is not installed")
    session.run("cmake", "--preset", "bench", "--fresh")
    session.run("cmake", "--build", "--preset", "bench", "--parallel", N_JOBS)
    program = "build/bench/cpp/cl2d_instructions"
    session.run("python", "bench/instructions.py", program, *session.posargs)


@nox.session
def asan(session: nox.Session) -> None:
    """Run C++ tests, and the package, under the address and undefined-behaviour sanitisers."""
    build_and_test(session, "asan")
    # The interpreter's own leaks hide any others; those of the engine show in C++. Exceptions are
    # followed only if the library that throws them is there in time.
    options = "detect_leaks=0:allocator_may_return_null=1"
    run_sanitised(session, "asan", ["libasan.so", "libstdc++.so"], {"ASAN_OPTIONS": options})


@nox.session
def tsan(session: nox.Session) -> None:
    """Run C++ tests, and the package, under the thread sanitiser.

    Clang's OpenMP library tells it through Archer where threads wait for each other; GCC's tells
    nothing. The runtime that an interpreter can be run with is GCC's.
    """
    compiler = shutil.which("clang++")
    library = Path(compiler).resolve().parents[1] / "lib" if compiler else ROOT
    archer = library / "libarcher.so"
    if not archer.exists() or not list(library.glob("clang/*/lib/linux/libclang_rt.tsan-*.a")):
        session.skip("threads are watched by Clang with its runtimes and OpenMP: not installed")
    known = ROOT / "cpp" / "sanitizers" / "thread.txt"
    env: dict[str, str | None] = {
        "OMP_TOOL_LIBRARIES": str(archer),
        "TSAN_OPTIONS": f"allocator_may_return_null=1:suppressions={known}",
    }
    build_and_test(session, "tsan", env)
    run_sanitised(session, "tsan", ["libtsan.so"], env)


@nox.session
def fuzz(session: nox.Session) -> None:
    """Look for inputs that the engine does not stand, for a minute or ``-- SECONDS``.

    ``-- SECONDS --keep`` then replaces the inputs that are kept by the fewest that reach as much.
    """
    if shutil.which("clang++") is None:
        session.skip("inputs are looked for by Clang's fuzzer, which is not installed")
    build(session, "fuzz")
    folder = ROOT / "build" / "fuzz"
    kept, found, fewest = (folder / name for name in ("kept", "found", "fewest"))
    for inputs in (kept, found, fewest):
        inputs.mkdir(exist_ok=True)
    for number, line in enumerate(CORPUS.read_text().split()):
        (kept / f"{number:04}").write_bytes(bytes.fromhex(line))
    seconds = next((arg for arg in session.posargs if arg.isdecimal()), "60")
    limits = ("-max_len=256", "-timeout=20", "-rss_limit_mb=3000")
    env = {"ASAN_OPTIONS": "allocator_may_return_null=1"}
    program = str(folder / "cpp" / "cl2d_fuzz")
    crashes = f"-artifact_prefix={folder}/"
    session.run(
        program, str(found), str(kept), *limits, crashes, f"-max_total_time={seconds}", env=env
    )
    if "--keep" in session.posargs:
        session.run(program, "-merge=1", *limits, str(fewest), str(found), str(kept), env=env)
        lines = sorted(path.read_bytes().hex() for path in fewest.iterdir())
        CORPUS.write_text("\n".join(line for line in lines if line) + "\n")


@nox.session
def tidy(session: nox.Session) -> None:
    """Run clang-tidy over the engine, each file as its compile command says."""
    session.run("cmake", "--preset", "tidy", "--fresh")
    sources = "\n".join(cpp_files("src/**/*.cpp"))
    one_by_one = f"xargs -n 1 -P {N_JOBS} clang-tidy --quiet -p build/tidy <<< '{sources}'"
    session.run("bash", "-c", one_by_one)


@nox.session
def symbols(session: nox.Session) -> None:
    """Check that the kernel objects define no weak or unique symbol.

    A weak function compiled with AVX may be the copy the linker keeps for the whole program,
    which then dies on processors without AVX.
    """
    names = {f"{path.name}.o" for path in KERNELS.glob("kernels_*.cpp")}
    # The asan preset does not optimise, so it also shows what was inlined elsewhere, by luck.
    for preset in ("dev", "asan"):
        built = {path.name for path in (ROOT / "build" / preset).rglob("kernels_*.o")}
        if not names or built != names:
            session.error(f"build/{preset} must hold {sorted(names)}, not {sorted(built)}")
    # Nobody is given what Clang built to be watched: its sanitisers add symbols of their own.
    own = (path for path in (ROOT / "build").rglob("kernels_*.o") if not WATCHED & {*path.parts})
    for path in sorted(own):
        table = session.run("nm", "--defined-only", "-C", str(path), silent=True)
        shared = re.findall(r"^\S+ [WVu] .*$", str(table), flags=re.MULTILINE)
        if shared:
            session.error(f"{path} defines weak or unique symbols:\n" + "\n".join(shared))
        session.log(f"{path.relative_to(ROOT)}: no weak or unique symbol")


@nox.session
def packaging(session: nox.Session) -> None:
    """Test the installed package from outside the source tree."""
    with tempfile.TemporaryDirectory() as outside, session.chdir(outside):
        session.run(
            "pytest",
            "-p",
            "no:cacheprovider",
            f"--rootdir={ROOT}",
            f"--config-file={ROOT / 'pyproject.toml'}",
            str(ROOT / "tests" / "packaging"),
            env={"PYTHONPATH": None, "CL2D_EXPECT_INSTALLED": "1"},
        )


@nox.session
def sdist(session: nox.Session) -> None:
    """Make the source distribution, and a wheel from it as a packager would: without network."""
    with tempfile.TemporaryDirectory() as folder:
        backend = (
            "from scikit_build_core.build import build_sdist; import sys; build_sdist(sys.argv[1])"
        )
        session.run("python", "-c", backend, folder)
        (archive,) = Path(folder).glob("cl2d-*.tar.gz")
        with tarfile.open(archive) as files:
            names = {name.partition("/")[2] for name in files.getnames()}
        missing = NEEDED_IN_SDIST - names
        stray = {name for name in names if name.endswith((".so", ".mrcs", ".pyc"))}
        if missing or stray or archive.stat().st_size > LARGEST_SDIST_BYTES:
            session.error(f"{archive.name}: misses {missing}, holds {stray}, or is too large")
        offline = ("--no-index", "--no-deps", "--no-build-isolation", "--wheel-dir", folder)
        session.run("pip", "wheel", *offline, str(archive))
        (wheel,) = Path(folder).glob("cl2d-*.whl")
        with zipfile.ZipFile(wheel) as files:
            shipped = {name for name in files.namelist() if name.startswith("cl2d/")}
        own = {path.relative_to(ROOT / "src") for path in (ROOT / "src" / "cl2d").rglob("*.*")}
        expected = {p.as_posix() for p in own if "__pycache__" not in p.parts and p.suffix != ".so"}
        if not expected <= shipped or not any("_native" in Path(n).name for n in shipped):
            session.error(f"{wheel.name} lacks {sorted(expected - shipped)} or the engine")


@nox.session
def stubs(session: nox.Session) -> None:
    """Compare the stub of the extension with a new one; ``nox -s stubs -- --write`` replaces it."""
    with tempfile.TemporaryDirectory() as folder:
        session.run("pybind11-stubgen", "cl2d._native", "--numpy-array-use-type-var", "-o", folder)
        made = Path(folder) / "cl2d" / "_native.pyi"
        # Which compiler and Eigen were used is told by a build, not by its interface.
        made.write_text(re.sub(r"^(\w+: \w+) = .*$", r"\1", made.read_text(), flags=re.MULTILINE))
        if "--write" in session.posargs:
            STUB.write_text(made.read_text())
        session.run("diff", "-u", str(STUB), str(made))


@nox.session
def docs(session: nox.Session) -> None:
    """Compare the made pages with new ones and build the site; ``-- --write`` renews the pages.

    Every warning is an error: a link or an anchor that leads nowhere, a page that no menu names.
    """
    session.run("python", "docs/make_reference.py", *session.posargs)
    with tempfile.TemporaryDirectory() as folder:
        # Not --quiet: warnings that are not shown are not counted, either.
        no_advertisement = {"NO_MKDOCS_2_WARNING": "1"}
        session.run("mkdocs", "build", "--strict", "--site-dir", folder, env=no_advertisement)


@nox.session
def baseline(session: nox.Session) -> None:
    """Run the Python tests of what is computed as an old processor would: without AVX.

    Reading, writing, options and what becomes of a run that is cut off do not mind.
    """
    files = [str(path) for pattern in COMPUTING for path in sorted((ROOT / "tests").glob(pattern))]
    own = ("-m", "not programs", *files)
    session.run("pytest", *own, *session.posargs, env={"CL2D_SIMD": "baseline"})


@nox.session
def tests(session: nox.Session) -> None:
    """Run the Python tests on the installed package."""
    session.run("pytest", *session.posargs)
