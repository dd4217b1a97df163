from __future__ import annotations

import errno
import os
import pickle
import resource
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from cl2d.errors import InputError, InputFileError
from cl2d.io import open_particles, write_spider_stack, write_stack
from cl2d.io.open_stacks import OpenStacks
from cl2d.io.patience import pauses_seconds, told_of_waits
from cl2d.io.stacks import read_stack_header
from tests.particle_files import BOX, numbered_images, write_table, write_two_stacks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LATER_NS = 10_000_000_000


def first_image(stacks: OpenStacks, path: Path) -> np.ndarray:
    header = read_stack_header(path)
    image = np.empty((1, *header.shape[1:]), np.float32)
    stacks.read_into(header, [(0, image)])
    return image[0]


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    waits: list[float] = []
    monkeypatch.setattr("cl2d.io.patience.time.sleep", waits.append)
    return waits


@pytest.fixture
def few_descriptors() -> Iterator[int]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = 200
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    yield limit
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def failing_reads(
    monkeypatch: pytest.MonkeyPatch, number: int, n_failures: int
) -> Callable[[], int]:
    """Let the first reads fail, and tell how many were tried."""
    read, n_calls = os.preadv, 0

    def preadv(*arguments: Any) -> int:
        nonlocal n_calls
        n_calls += 1
        if n_calls <= n_failures:
            raise OSError(number, os.strerror(number))
        return read(*arguments)

    monkeypatch.setattr(os, "preadv", preadv)
    return lambda: n_calls


def test_more_files_than_descriptors_can_be_read(tmp_path: Path, few_descriptors: int) -> None:
    for k in range(2 * few_descriptors):
        write_stack(tmp_path / f"{k}.mrcs", np.full((1, 2, 2), k, np.float32))
    stacks = OpenStacks(64)
    for _ in range(2):
        for k in range(2 * few_descriptors):
            assert (first_image(stacks, tmp_path / f"{k}.mrcs") == k).all()
    assert len(stacks) == 64
    stacks.close()
    assert len(stacks) == 0


def test_five_thousand_stacks_are_read_with_sixty_four_descriptors(tmp_path: Path) -> None:
    n_stacks = 5000
    write_stack(tmp_path / "model.mrcs", numbered_images(1))
    model = (tmp_path / "model.mrcs").read_bytes()
    for k in range(n_stacks):
        pixels = numbered_images(1, first=k).astype("<f4").tobytes()
        (tmp_path / f"{k}.mrcs").write_bytes(model[:1024] + pixels)
    table = write_table(tmp_path, [f"1@{k}.mrcs" for k in range(n_stacks)])
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    listed = Path("/proc/self/fd")
    in_use = len(list(listed.iterdir())) if listed.is_dir() else 64
    resource.setrlimit(resource.RLIMIT_NOFILE, (in_use + 64, hard))
    try:
        images = open_particles(table).read(0, n_stacks)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert np.array_equal(images[:, 0, 0], np.arange(n_stacks))


def test_files_read_last_stay_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [tmp_path / f"{k}.mrcs" for k in range(3)]
    headers = []
    for path in paths:
        write_stack(path, numbered_images(1))
        headers.append(read_stack_header(path))
    opened: list[str] = []
    real = os.open
    monkeypatch.setattr(os, "open", lambda p, *a: opened.append(str(p)) or real(p, *a))
    stacks, image = OpenStacks(2), np.empty((1, BOX, BOX), np.float32)
    for k in (0, 1, 0, 2, 0):
        stacks.read_into(headers[k], [(0, image)])
    assert opened == [str(paths[k]) for k in (0, 1, 2)]


def test_stacks_travel_to_another_process_closed(tmp_path: Path) -> None:
    write_two_stacks(tmp_path)
    stacks = OpenStacks(7)
    first_image(stacks, tmp_path / "b.mrcs")
    copy = pickle.loads(pickle.dumps(stacks))
    assert (len(stacks), len(copy)) == (1, 0)
    assert (first_image(copy, tmp_path / "b.mrcs") == 100).all()


def test_stack_that_vanished_is_named(two_stacks: Path, no_waiting: list[float]) -> None:
    source = open_particles(two_stacks / "a.mrcs")
    (two_stacks / "a.mrcs").unlink()
    with pytest.raises(InputFileError, match=r"a\.mrcs: cannot be read any more"):
        source.read(0, 1)
    assert no_waiting == [0.5, 2.0, 8.0]


def test_stack_that_comes_back_is_read(
    two_stacks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = open_particles(two_stacks / "a.mrcs")
    path, away = two_stacks / "a.mrcs", tmp_path / "away"
    path.rename(away)
    monkeypatch.setattr("cl2d.io.patience.time.sleep", lambda _: away.rename(path))
    assert (source.read(2, 3) == 2).all()


@pytest.mark.parametrize("kept_open", [False, True])
@pytest.mark.parametrize("suffix", [".mrcs", ".stk"])
def test_stack_that_shrinks_is_an_error_not_a_signal(
    tmp_path: Path, no_waiting: list[float], kept_open: bool, suffix: str
) -> None:
    path = tmp_path / f"a{suffix}"
    write = write_stack if suffix == ".mrcs" else write_spider_stack
    write(path, numbered_images(40))
    source = open_particles(path)
    if kept_open:
        source.read(0, 1)
    os.truncate(path, path.stat().st_size // 2)
    for rows in ((0, 1), (30, 40), (0, 40)):
        with pytest.raises(InputFileError, match=r"must not change while it is read, but has \d+"):
            source.read(*rows)
    assert no_waiting == []


def test_stack_written_to_after_opening_is_refused(two_stacks: Path) -> None:
    path = two_stacks / "a.mrcs"
    source = open_particles(path)
    write_stack(path, numbered_images(4, first=50), 2.0)
    written = path.stat().st_mtime_ns
    os.utime(path, ns=(written, written + LATER_NS))
    with pytest.raises(InputFileError, match=r"a\.mrcs: must not change.*was written to since"):
        source.read(0, 1)


def test_stack_replaced_while_open_is_still_the_one_that_was_opened(two_stacks: Path) -> None:
    source = open_particles(two_stacks / "a.mrcs")
    source.read(0, 1)
    (two_stacks / "b.mrcs").replace(two_stacks / "a.mrcs")
    assert (source.read(3, 4) == 3).all()


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.EAGAIN])
@pytest.mark.parametrize("table", [False, True])
def test_read_that_fails_for_a_while_gives_what_the_file_holds(
    two_stacks: Path,
    monkeypatch: pytest.MonkeyPatch,
    no_waiting: list[float],
    number: int,
    table: bool,
) -> None:
    path = two_stacks / "a.mrcs"
    if table:
        path = write_table(two_stacks, [f"{k}@a.mrcs" for k in (4, 1, 2, 1)])
    source = open_particles(path)
    failing_reads(monkeypatch, number, 3)
    told: list[str] = []
    with told_of_waits(told.append):
        images = source.read(0, 4)
    assert images[:, 0, 0].tolist() == ([3, 0, 1, 0] if table else [0, 1, 2, 3])
    assert no_waiting == [0.5, 2.0, 8.0]
    assert [line.rpartition("; ")[2] for line in told] == [
        f"next attempt in {pause} s" for pause in ("0.5", "2", "8")
    ]
    assert all(str(two_stacks / "a.mrcs") in line and os.strerror(number) in line for line in told)


def test_read_that_fails_for_ever_names_the_file(
    two_stacks: Path, monkeypatch: pytest.MonkeyPatch, no_waiting: list[float]
) -> None:
    source = open_particles(two_stacks / "a.mrcs")
    tried = failing_reads(monkeypatch, errno.EIO, 10**9)
    with pytest.raises(OSError, match="Input/output error") as caught:
        source.read(0, 1)
    assert caught.value.filename == str(two_stacks / "a.mrcs")
    assert not isinstance(caught.value, InputError)
    assert tried() == 4
    assert len(no_waiting) == 3


def test_waits_go_to_the_log_if_nobody_listens(
    two_stacks: Path,
    monkeypatch: pytest.MonkeyPatch,
    no_waiting: list[float],
    caplog: pytest.LogCaptureFixture,
) -> None:
    source = open_particles(two_stacks / "a.mrcs")
    failing_reads(monkeypatch, errno.EIO, 1)
    source.read(0, 1)
    assert no_waiting == [0.5]
    assert "a.mrcs: cannot be read now (Input/output error)" in caplog.text


@pytest.mark.parametrize("number", [errno.EACCES, errno.ENOSPC, errno.EISDIR])
def test_errors_that_stay_are_not_waited_for(
    two_stacks: Path, monkeypatch: pytest.MonkeyPatch, no_waiting: list[float], number: int
) -> None:
    source = open_particles(two_stacks / "a.mrcs")
    failing_reads(monkeypatch, number, 1)
    with pytest.raises(OSError, match=os.strerror(number)):
        source.read(0, 1)
    assert no_waiting == []


def test_short_reads_are_continued(two_stacks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = os.preadv
    monkeypatch.setattr(os, "preadv", lambda f, into, at: read(f, [into[0][:5]], at))
    images = open_particles(two_stacks / "a.mrcs").read(0, 4)
    assert np.array_equal(images, numbered_images(4))


@pytest.mark.parametrize(
    ("given", "pauses"),
    [(None, (0.5, 2.0, 8.0)), ("", ()), ("1", (1.0,)), ("0, 0.25,60", (0.0, 0.25, 60.0))],
)
def test_pauses_are_the_user_s_to_choose(
    monkeypatch: pytest.MonkeyPatch, given: str | None, pauses: tuple[float, ...]
) -> None:
    monkeypatch.delenv("CL2D_RETRY_SECONDS", raising=False)
    if given is not None:
        monkeypatch.setenv("CL2D_RETRY_SECONDS", given)
    assert pauses_seconds() == pauses


@pytest.mark.parametrize("given", ["often", "-1", "1;2", "inf", "nan"])
def test_pauses_that_are_none_are_refused(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("CL2D_RETRY_SECONDS", given)
    with pytest.raises(InputError, match="CL2D_RETRY_SECONDS must be seconds"):
        pauses_seconds()


@pytest.mark.parametrize("n_bytes", [1 << 31, 1 << 32])
def test_images_beyond_what_32_bits_count_are_read(tmp_path: Path, n_bytes: int) -> None:
    box, path = 512, tmp_path / "large.mrcs"
    image_bytes = 4 * box * box
    n_images = n_bytes // image_bytes + 2
    write_stack(tmp_path / "one.mrcs", np.full((1, box, box), 7, np.float32))
    one = bytearray((tmp_path / "one.mrcs").read_bytes())
    one[8:12] = n_images.to_bytes(4, "little")
    with path.open("wb") as stream:
        stream.write(one[:1024])
        stream.seek(1024 + (n_images - 1) * image_bytes)
        stream.write(one[1024:])
    assert path.stat().st_blocks * 512 < 1 << 26, "must be a file with holes"
    source = open_particles(path)
    images = source.read(n_images - 2, n_images)
    assert (images[0] == 0).all()
    assert (images[1] == 7).all()
    table = write_table(tmp_path, [f"{n_images}@large.mrcs", "1@large.mrcs"])
    assert open_particles(table).read(0, 2)[:, 0, 0].tolist() == [7, 0]


@pytest.mark.parametrize("number", [1 << 31, 1 << 32, 10**17])
def test_image_numbers_beyond_the_stack_are_refused_however_large(
    two_stacks: Path, number: int
) -> None:
    table = write_table(two_stacks, [f"{number}@a.mrcs"])
    with pytest.raises(InputFileError, match=rf"row 1 of .* {number} of|row 1 of .*'{number}@"):
        open_particles(table)


@pytest.mark.parametrize("kind", ["pipe", "device", "socket"])
@pytest.mark.parametrize("as_what", ["input.mrcs", "input.star", "input.cs", "input", "stack"])
def test_what_is_no_file_is_refused_at_once(tmp_path: Path, kind: str, as_what: str) -> None:
    path = tmp_path / as_what
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        import socket  # noqa: PLC0415

        with socket.socket(socket.AF_UNIX) as endpoint:
            endpoint.bind(str(path))
    named = write_table(tmp_path, ["1@stack"]) if as_what == "stack" else path
    with pytest.raises(InputFileError, match=as_what):
        open_particles(named)
