"""Particles that arrive while they are classified."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import asdict

import numpy as np
import pytest

import cl2d
from cl2d.agreement import adjusted_rand_index
from cl2d.cli import main
from cl2d.events import ClusteringDue, IterationProgress, PhaseProgress, PhaseStarted, PortionTaken
from cl2d.io import read_particle_table, write_stack
from cl2d.pipeline.watch_state import WatchState, read_state
from cl2d.results import IterationReport
from tests.watch_inputs import (
    FIRST_AFTER,
    N_PARTICLES,
    N_PORTIONS,
    N_VIEWS,
    OPTIONS,
    WORDS,
    fed,
    portions,
    simulated,
    watched,
    write_rows,
)


class CutOff(BaseException):
    """Ends a watch as a signal would, wherever it is."""


@pytest.fixture(scope="module")
def particles(tmp_path_factory):
    """Return a table of particles of four views, and the view of each."""
    return simulated(tmp_path_factory.mktemp("particles"))


@pytest.fixture(scope="module")
def undisturbed(particles, tmp_path_factory):
    """Return the folder of a watch that was never cut off, the input beside it."""
    return fed(particles, tmp_path_factory.mktemp("undisturbed"), watched)


def facts(out):
    """Return what a watch has come to, without times and places."""
    state = read_state(out)
    return [asdict(portion) for portion in state.portions], [asdict(run) for run in state.runs]


def assert_same(out, other):
    assert (out / "particles.star").read_bytes() == (other / "particles.star").read_bytes()
    assert (out / "current").read_bytes() == (other / "current").read_bytes()
    assert facts(out) == facts(other)
    run = (out / "current").read_text().strip()
    assert (out / run / "classes.mrcs").read_bytes() == (other / run / "classes.mrcs").read_bytes()


def test_every_particle_is_there_once_with_its_columns_and_class(particles, undisturbed):
    table, _ = particles
    before = cl2d.open_particles(table).table
    after = read_particle_table(undisturbed / "particles.star")
    assert set(after.column_names) > set(before.column_names)
    assert sorted(after.text("rlnImageName")) == sorted(before.text("rlnImageName"))
    assert after.numbers("rlnClassNumber").min() >= 1
    assert after.optics.text("rlnVoltage") == before.optics.text("rlnVoltage")


def test_a_view_that_comes_late_gets_its_class(particles, undisturbed):
    table, view = particles
    found = read_particle_table(undisturbed / "particles.star")
    view_of = dict(zip(cl2d.open_particles(table).table.text("rlnImageName"), view, strict=True))
    views = np.array([view_of[name] for name in found.text("rlnImageName")])
    labels = found.numbers("rlnClassNumber").astype(int)
    batch = cl2d.classify(table, **OPTIONS)
    of_watch, of_batch = adjusted_rand_index(views, labels), adjusted_rand_index(view, batch.labels)
    assert of_watch > of_batch - 0.02
    assert of_watch > 0.95


def test_the_page_counts_every_particle(undisturbed):
    page = (undisturbed / "index.html").read_text()
    assert f"{N_PARTICLES} particles" in page
    run = (undisturbed / "current").read_text().strip()
    assert f'href="{run}/report.html"' in page
    assert (undisturbed / run / "report.html").exists()


def test_between_clusterings_particles_are_assigned_and_counted(particles, tmp_path):
    table, _ = particles
    rows = np.arange(N_PARTICLES)
    for name, part in (("a", rows[:300]), ("b", rows[300:400])):
        write_rows(table, part, tmp_path / f"{name}.star")
        state = watched(tmp_path, tmp_path / "out", finish=False)
    assert [run.n_images for run in state.runs] == [300]
    assert [portion.run for portion in state.portions] == [None, 1]
    assert state.portions[1].n_usable == 100
    found = read_particle_table(tmp_path / "out" / "particles.star")
    numbers = found.numbers("rlnClassNumber")
    assert found.n_rows == 400
    page = (tmp_path / "out" / "index.html").read_text()
    for k in range(N_VIEWS):
        first, later = np.sum(numbers[:300] == k + 1), np.sum(numbers[300:] == k + 1)
        assert f"<td>{k + 1}</td><td>{first}</td><td>{later}</td><td>{first + later}</td>" in page


def test_particles_of_a_view_without_a_class_are_explained_poorly(particles, tmp_path):
    table, view = particles
    rows = np.arange(N_PARTICLES)
    known, late = rows[view != view[0]], rows[view == view[0]]
    for name, part in (("a", known), ("b", late)):
        write_rows(table, part, tmp_path / f"{name}.star")
        state = cl2d.watch(
            tmp_path, tmp_path / "out", once=True, first_after=10, **{**OPTIONS, "n_classes": 3}
        )
    assert len(late) >= 100
    assert state.portions[1].n_poor > 0.15 * state.portions[1].n_usable
    assert "poorly" in state.runs[-1].reason


@pytest.mark.parametrize(
    ("kind", "skip"),
    [
        *((PortionTaken, 0), (ClusteringDue, 0), (IterationReport, 0), (IterationReport, 3)),
        *((PhaseStarted, 2), (PhaseStarted, 4), (PhaseProgress, 5), (IterationProgress, 9)),
    ],
)
def test_cut_off_anywhere_it_comes_to_the_same(particles, undisturbed, tmp_path, kind, skip):
    """Each start is cut off at an event of some kind, later each time, until one ends by itself."""
    n_cut_off = 0

    def stubborn(star, out, *, finish):
        nonlocal n_cut_off
        for attempt in range(100):
            try:
                watched(star, out, finish=finish, on_event=cutting(skip + 7 * attempt))
            except CutOff:
                n_cut_off += 1
            else:
                return

    def cutting(n_before):
        met = 0

        def tell(event):
            nonlocal met
            met += isinstance(event, kind)
            if isinstance(event, kind) and met == n_before + 1:
                raise CutOff

        return tell

    out = fed(particles, tmp_path, stubborn)
    assert n_cut_off >= 1
    assert_same(out, undisturbed)


def test_cut_off_around_every_step_it_comes_to_the_same(
    particles, undisturbed, tmp_path, monkeypatch
):
    """The state is what counts: each of its files is cut off before and after it is written."""
    save, n_cut_off = WatchState.save, 0

    def stubborn(star, out, *, finish):
        nonlocal n_cut_off
        for attempt in range(100):
            calls = iter(range(1000))

            def cutting(state, cut=attempt // 2, after=attempt % 2, calls=calls):
                this = next(calls)
                if this != cut or after:
                    save(state)
                if this == cut:
                    raise CutOff

            monkeypatch.setattr(WatchState, "save", cutting)
            try:
                watched(star, out, finish=finish)
            except CutOff:
                n_cut_off += 1
            else:
                return

    out = fed(particles, tmp_path, stubborn)
    assert n_cut_off >= 4 * N_PORTIONS
    assert_same(out, undisturbed)


def test_killed_it_goes_on_to_the_same(particles, undisturbed, tmp_path):
    n_killed = 0

    def killed(star, out, *, finish):
        nonlocal n_killed
        last = "--finish" if finish else "--once"
        words = ["watch", str(star), "-o", str(out), last, "--json", "--quiet", *WORDS]
        words += ["--first-after", str(FIRST_AFTER)]
        for n_lines in (6, 60, 200, 10_000):
            process = subprocess.Popen(
                [sys.executable, "-m", "cl2d", *words], stdout=subprocess.PIPE, text=True
            )
            for _ in zip(range(n_lines), process.stdout, strict=False):
                pass
            if process.poll() is None and n_lines < 10_000:
                process.kill()
            process.stdout.close()
            code = process.wait()
            n_killed += code == -signal.SIGKILL
            if code == 0:
                return
        pytest.fail("the watch must end by itself")

    out = fed(particles, tmp_path, killed)
    assert n_killed >= 2
    assert_same(out, undisturbed)


def test_stacks_are_added_to_a_folder(particles, tmp_path):
    source = cl2d.open_particles(particles[0])
    (tmp_path / "in").mkdir()
    for number, start in enumerate(range(0, N_PARTICLES, 160)):
        stack = tmp_path / "in" / f"part_{number}.mrcs"
        write_stack(stack, source.read(start, start + 160), source.pixel_size_angstrom)
        state = watched(tmp_path / "in", tmp_path / "out", finish=number == 2)
    assert [portion.n_images for portion in state.portions] == [160, 160, 160]
    found = read_particle_table(tmp_path / "out" / "particles.star")
    assert found.text("rlnImageName")[160] == f"000001@{tmp_path}/in/part_1.mrcs"
    assert found.n_rows == N_PARTICLES
    assert cl2d.open_particles(tmp_path / "out" / "particles.star").n_images == N_PARTICLES


def test_nothing_new_changes_nothing(undisturbed):
    before = {
        path: path.read_bytes()
        for path in (undisturbed / "watch.json", undisturbed / "particles.star")
    }
    watched(undisturbed.parent / "growing.star", undisturbed, finish=True)
    assert all(path.read_bytes() == content for path, content in before.items())


def test_it_looks_until_nothing_has_come_for_a_while(particles, tmp_path, monkeypatch, capsys):
    table, view = particles
    star, parts = tmp_path / "growing.star", portions(view)
    write_rows(table, parts[0], star)
    pauses = []

    def pause(seconds):
        pauses.append(seconds)
        if len(pauses) == 2:  # the table was new, then whole, and now it grows
            write_rows(table, np.concatenate(parts), star)

    monkeypatch.setattr("time.sleep", pause)
    # Idle from the first look without anything new on: that which finds the file still changing
    # comes first, so the end takes all that is there.
    words = ["watch", str(star), "-o", str(tmp_path / "out"), "--poll-seconds", "7", *WORDS]
    assert main([*words, "--idle-minutes", "0.000001", "--first-after", "100"]) == 0
    assert set(pauses) <= {7.0}
    assert f"{len(parts[0])} particles" in capsys.readouterr().err
    assert "the first" in (tmp_path / "out" / "index.html").read_text()


def test_a_signal_ends_it_between_two_looks(particles, tmp_path, monkeypatch, capsys):
    table, view = particles
    write_rows(table, portions(view)[0], tmp_path / "growing.star")
    monkeypatch.setattr("time.sleep", lambda _: os.kill(os.getpid(), signal.SIGTERM))
    words = ["watch", str(tmp_path / "growing.star"), "-o", str(tmp_path / "out"), *WORDS]
    assert main(words) == 128 + signal.SIGTERM
    assert "the same command goes on" in capsys.readouterr().err


def test_a_clustering_that_failed_begins_anew(particles, tmp_path, monkeypatch):
    """A stack that is gone for a while ends the watch, and nothing else."""
    source = cl2d.open_particles(particles[0])
    stack = tmp_path / "in" / "all.mrcs"
    stack.parent.mkdir()
    write_stack(stack, source.read(0, N_PARTICLES), source.pixel_size_angstrom)

    def gone(event):
        if isinstance(event, ClusteringDue):
            stack.rename(tmp_path / "all.mrcs")

    monkeypatch.setenv("CL2D_RETRY_SECONDS", "")
    with pytest.raises(cl2d.InputError, match=r"all\.mrcs"):
        watched(tmp_path / "in", tmp_path / "out", finish=False, on_event=gone)
    (tmp_path / "all.mrcs").rename(stack)
    state = watched(tmp_path / "in", tmp_path / "out", finish=False)
    assert [run.status for run in state.runs] == ["failed", "complete"]
    assert state.n_images == N_PARTICLES
    assert "runs/0002" in (tmp_path / "out" / "current").read_text()
