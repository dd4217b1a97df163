"""``cl2d relion-external`` as RELION runs it: from a project directory, with relative paths."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import cl2d
from cl2d.events import CheckpointWritten
from cl2d.io import read_particle_table, read_star
from cl2d.simulate import SimulationOptions, simulate_particles, write_simulation
from tests.relion_programs import needs_pipeline, relion, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.programs
JOB = Path("External/job005")
ENDINGS = {f"RELION_JOB_EXIT_{end}" for end in ("SUCCESS", "FAILURE", "ABORTED")}
WORDS = ["--o", f"{JOB}/", "--in_parts", "Extract/particles.star", "--j", "1"]
FEW = ["--n_classes", "3", "--initial-classes", "3", "--iterations", "2", "--evaluate", "No"]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project directory with 120 particles of 32 px."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(Path(cl2d.__file__).parents[1]))
    simulated = SimulationOptions(n_particles=120, box_px=32, n_views=3, snr=2.0)
    write_simulation("Extract", simulate_particles(simulated))
    return tmp_path


def external(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cl2d", "relion-external", *WORDS, *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


def endings() -> set[str]:
    return {path.name for path in JOB.iterdir()} & ENDINGS


@pytest.mark.usefixtures("project")
def test_finished_job_names_what_it_made_from_the_project_directory() -> None:
    done = external(*FEW, "--in_mask", "mask.mrc", "--pipeline_control", f"{JOB}/")
    assert (done.returncode, done.stderr) == (0, "")
    assert endings() == {"RELION_JOB_EXIT_SUCCESS"}
    nodes = read_star(JOB / "RELION_OUTPUT_NODES.star")["output_nodes"]
    labels = nodes.text("rlnPipeLineNodeTypeLabel")
    named = dict(zip(labels, nodes.text("rlnPipeLineNodeName"), strict=True))
    assert all(Path(name).is_file() for name in named.values())
    particles = read_particle_table(named["ParticleGroupMetadata.star.relion.class2d"])
    assert particles.n_rows == 120
    optimiser = read_star(named["OptimiserData.star.relion.class2d"])["optimiser_general"]
    assert Path(optimiser.text("rlnModelStarFile")[0]).is_file()
    assert Path(named["LogFile.pdf.relion.class2d"]).read_bytes().startswith(b"%PDF")
    assert dict(zip(labels, nodes.numbers("rlnPipeLineNodeType").tolist(), strict=True)) == {
        "ParticleGroupMetadata.star.relion.class2d": 3,
        "OptimiserData.star.relion.class2d": 9,
        "ProcessData.star.relion.class2d.model": 8,
        "Image2DGroupMetadata.star.relion.classaverages": 5,
        "LogFile.pdf.relion.class2d": 13,
    }


@pytest.mark.usefixtures("project")
def test_progress_is_plain_lines_of_standard_output() -> None:
    done = external(*FEW, "--in_mask", "mask.mrc", "--format", "none")
    lines = done.stdout.splitlines()
    assert lines[0].startswith("warning: --in_mask mask.mrc is ignored")
    assert any(line.startswith("level 0 (3 classes)  iteration 1 of at most") for line in lines)
    assert lines[-1] == f"results: {JOB}"
    assert (JOB / "relion" / "run_it025_optimiser.star").is_file()
    options = json.loads((JOB / "run.json").read_text())["options"]
    assert options["run"]["threads"] == 1
    assert options["levels"]["classes"] == 3


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--clases", "3"], "the nearest is --classes"),
        (["--classes", "0"], "--classes must be"),
        (["--references", "no_such.mrcs"], "no_such.mrcs"),
    ],
)
def test_job_that_cannot_work_says_why_and_has_failed(words: list[str], message: str) -> None:
    done = external(*words)
    assert done.returncode == 2
    assert endings() == {"RELION_JOB_EXIT_FAILURE"}
    [line] = done.stderr.splitlines()
    assert message in line
    assert not (JOB / "RELION_OUTPUT_NODES.star").exists()


@pytest.mark.usefixtures("project")
def test_job_is_run_again_in_its_folder() -> None:
    JOB.mkdir(parents=True)
    (JOB / "run.out").write_text("RELION's own")
    assert external("--clases", "3").returncode == 2
    (JOB / "RELION_JOB_ABORT_NOW").touch()
    assert external(*FEW).returncode == 0
    first = (JOB / "relion" / "run_it025_data.star").read_bytes()
    assert external(*FEW, "--seed", "3").returncode == 0
    assert endings() == {"RELION_JOB_EXIT_SUCCESS"}
    assert (JOB / "Class2D").resolve() == (JOB / "relion").resolve()
    assert (JOB / "run.out").read_text() == "RELION's own"
    assert json.loads((JOB / "run.json").read_text())["options"]["levels"]["seed"] == 3
    assert (JOB / "relion" / "run_it025_data.star").read_bytes() != first


@pytest.mark.usefixtures("project")
def test_own_folder_of_the_name_of_the_link_is_left_alone() -> None:
    own = JOB / "Class2D" / "mine.txt"
    own.parent.mkdir(parents=True)
    own.write_text("mine")
    assert external(*FEW).returncode == 0
    assert own.read_text() == "mine"
    nodes = read_star(JOB / "RELION_OUTPUT_NODES.star")["output_nodes"]
    assert nodes.text("rlnPipeLineNodeName")[1] == f"{JOB}/relion/run_it025_optimiser.star"


@pytest.mark.usefixtures("project")
def test_continued_job_goes_on_from_its_checkpoint_unless_it_is_another() -> None:
    few = {"n_classes": 3, "initial_classes": 3, "iterations": 2}

    def stop(event: object) -> None:
        if isinstance(event, CheckpointWritten):
            raise KeyboardInterrupt

    for changed, told in (([], "goes on after"), (["--seed", "7"], "the job begins anew:")):
        with pytest.raises(KeyboardInterrupt):
            cl2d.classify(
                "Extract/particles.star", output=JOB, overwrite=True, on_event=stop, **few
            )
        done = external(*FEW, *changed)
        assert (done.returncode, done.stderr) == (0, "")
        assert told in done.stdout
        assert endings() == {"RELION_JOB_EXIT_SUCCESS"}
        assert external(*FEW, *changed).returncode == 0  # a complete one is made again


@pytest.fixture
def running_job(project: Path) -> Iterator[subprocess.Popen[str]]:
    """A job with work for many minutes, of which at least one iteration is done."""
    table = project / "Extract" / "particles.star"
    text = table.read_text()
    rows = "".join(line for line in text.splitlines(keepends=True) if "@" in line)
    table.write_text(text.rstrip("\n") + "\n" + 100 * rows + "\n")
    words = [sys.executable, "-m", "cl2d", "relion-external", *WORDS, "--iterations", "100"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as job:
        assert job.stdout is not None
        for line in job.stdout:
            if "iteration 1 of" in line:
                break
        yield job
        job.kill()


def test_job_ends_when_relion_asks_for_it(running_job: subprocess.Popen[str]) -> None:
    (JOB / "RELION_JOB_ABORT_NOW").touch()
    wait_for(lambda: running_job.poll() is not None, "the end of the job")
    assert running_job.returncode == 143
    assert endings() == {"RELION_JOB_EXIT_ABORTED"}
    assert json.loads((JOB / "run.json").read_text())["status"] == "interrupted"
    assert not (JOB / "RELION_OUTPUT_NODES.star").exists()
    assert running_job.stderr is not None
    assert "interrupted" in running_job.stderr.read()


PIPELINE = """
# version 30001

data_pipeline_general

_rlnPipeLineJobCounter 5

"""
JOB_STAR = """
# version 30001

data_job

_rlnJobType {kind}
_rlnJobIsContinue 0


# version 30001

data_joboptions_values

loop_
_rlnJobOptionVariable #1
_rlnJobOptionValue #2
{values}

"""
EXTERNAL, SELECT = 99, 7
SELECTED = {"fn_mic": "", "fn_data": "", "fn_coords": "", "do_regroup": "No"}


def add_job(kind: int, values: dict[str, str]) -> None:
    """Add a job to the pipeline, as RELION's window does with what its fields hold."""
    lines = "\n".join(f'{name} "{value}"' for name, value in values.items())
    Path("job.star").write_text(JOB_STAR.format(kind=kind, values=lines))
    relion("pipeliner", "--addJobFromStar", "job.star")


def command_of_selection(model: str) -> str:
    """Return the command of a job that selects classes; nobody is there to see its window."""
    add_job(SELECT, {"fn_model": model, **SELECTED})
    note = Path("Select/job006/note.txt")
    run = ["--RunJobs", "Select/job006/", "--schedule", "selection", "--sec_wait_after", "0"]
    nowhere = {name: value for name, value in os.environ.items() if name != "DISPLAY"}
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(["relion_pipeliner", *run], env=nowhere, **silent) as waiting:
        try:
            wait_for(lambda: note.exists() and "relion_display" in note.read_text(), "its command")
        finally:
            waiting.kill()
    return note.read_text()


@needs_pipeline
@pytest.mark.usefixtures("project")
def test_relion_runs_the_job_and_selects_from_what_it_made() -> None:
    Path("default_pipeline.star").write_text(PIPELINE)
    program = Path("cl2d.sh")
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m cl2d "$@"\n')
    program.chmod(0o755)
    fields = {"fn_exe": f"./{program} relion-external", "in_part": "Extract/particles.star"}
    fields |= {"nr_threads": "1", "do_queue": "No", "other_args": "--evaluate No --iterations 2"}
    fields |= {"param1_label": "classes", "param1_value": "3"}
    add_job(EXTERNAL, {**fields, "param2_label": "mirrors", "param2_value": "No"})
    relion("pipeliner", "--RunJobs", f"{JOB}/", "--schedule", "once", "--sec_wait_after", "0")
    assert endings() == {"RELION_JOB_EXIT_SUCCESS"}, (JOB / "run.err").read_text()
    pipeline = read_star("default_pipeline.star")
    [status] = pipeline["pipeline_processes"].numbers("rlnPipeLineProcessStatus")
    assert status == 2  # finished
    nodes = pipeline["pipeline_nodes"].text("rlnPipeLineNodeName")
    [model] = [name for name in nodes if name.endswith("_model.star")]
    assert read_star(model)["model_general"].numbers("rlnNrClasses")[0] == 3
    # From a path without Class2D/ in it, RELION would save no averages.
    assert "--fn_imgs Select/job006/class_averages.star" in command_of_selection(model)
