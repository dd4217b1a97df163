"""Runs whose options come from a file, and completion in the shell."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from cl2d.cli import main
from cl2d.io import write_stack
from cl2d.simulate import SimulationOptions, simulate_particles

QUICK = "classes: 2\niterations: 2\nthreads: 1\nmax-shift-px: 2\n"


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    """Return a stack of 60 simulated particles."""
    path = tmp_path_factory.mktemp("stack") / "particles.mrcs"
    options = SimulationOptions(n_particles=60, n_views=2, box_px=32, snr=1)
    write_stack(path, simulate_particles(options).images, 2.0)
    return path


@pytest.fixture(scope="module")
def run(stack):
    """Return the folder of a run made by a file, with particles named there."""
    config = stack.with_name("job.yaml")
    config.write_text(f"{QUICK}particles: {stack.name}\nseed: 3\n")
    out = stack.with_name("run")
    assert main(["classify", "--config", str(config), "-o", str(out), "--quiet"]) == 0
    return out


def record_of(out):
    return json.loads((out / "run.json").read_text())


def test_a_file_of_options_makes_the_run(run):
    levels = record_of(run)["options"]["levels"]
    assert (levels["classes"], levels["iterations"], levels["seed"]) == (2, 2, 3)


def test_the_record_of_a_run_repeats_it_to_the_byte(run, tmp_path, capsys):
    again = tmp_path / "again"
    assert main(["classify", "--config", str(run / "run.json"), "-o", str(again)]) == 0
    assert "differ" not in capsys.readouterr().err
    for name in ("particles.star", "classes.mrcs"):
        assert (again / name).read_bytes() == (run / name).read_bytes()


def test_the_command_line_wins_even_with_the_value_of_a_default(run, tmp_path):
    out = tmp_path / "other"
    words = ["--config", str(run / "run.json"), "-o", str(out), "--seed", "0", "--quiet"]
    assert main(["classify", *words]) == 0
    assert record_of(out)["options"]["levels"]["seed"] == 0


def test_other_particles_than_those_of_the_run_are_told(run, tmp_path, capsys):
    other = tmp_path / "other.mrcs"
    write_stack(other, np.random.default_rng(0).normal(size=(40, 32, 32)).astype(np.float32), 2.0)
    words = ["classify", str(other), "--config", str(run / "run.json"), "-o", str(tmp_path / "o")]
    assert main(words) == 0
    assert "does not hold the particles of" in capsys.readouterr().err


def test_a_record_of_another_version_is_told(run, tmp_path, capsys):
    record = record_of(run) | {"versions": {"cl2d": "0.0.1"}}
    path = tmp_path / "old.json"
    path.write_text(json.dumps(record))
    assert main(["classify", "--config", str(path), "-o", str(tmp_path / "out")]) == 0
    assert "was written by cl2d 0.0.1" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("classes: 0\nparticles: x.mrcs", "--classes must be a whole number"),
        ("classes: 2", "INPUT must be given, here or in the file of --config"),
        ("iteration: 2", "unknown option iteration: did you mean iterations?"),
        ("particles: not_there.star", "not_there.star"),
    ],
)
def test_what_is_wrong_in_a_file_is_told_in_one_line(text, message, tmp_path, capsys):
    path = tmp_path / "job.yaml"
    path.write_text(text)
    assert main(["classify", "--config", str(path), "-o", str(tmp_path / "out")]) == 2
    told = capsys.readouterr().err
    assert message in told
    assert told.count("\n") == 1


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("cl2d class", "classify"),
        ("cl2d classify --sim", "--similarity"),
        ("cl2d classify --similarity cor", "correntropy"),
    ],
)
def test_the_shell_completes_commands_options_and_choices(line, offered):
    completing = {
        "_CL2D_COMPLETE": "complete_bash",
        "COMP_WORDS": line,
        "COMP_CWORD": str(line.count(" ")),
    }
    code = "import sys; sys.argv = ['cl2d']; from cl2d.cli import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | completing,
        capture_output=True,
        text=True,
        check=True,
    )
    assert offered in done.stdout.split()
