"""Classify the particles of a cryoSPARC job with cl2d, and bring the classes back as a job.

Needs the package cryosparc-tools, a running cryoSPARC and its project folder on this machine.
Where cryoSPARC runs and who asks is taken from CRYOSPARC_BASE_URL (or CRYOSPARC_MASTER_HOSTNAME and
CRYOSPARC_BASE_PORT), CRYOSPARC_EMAIL and CRYOSPARC_PASSWORD.

    python cryosparc_external_job.py P3 W1 J42 particles -- --classes 64 --threads 16
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from cryosparc.dataset import Dataset
from cryosparc.tools import CryoSPARC

if TYPE_CHECKING:
    from cryosparc.controllers.job import ExternalJobController

AVERAGES = "class_averages.mrc"


def create_job(project, workspace: str, source_job: str, source_output: str):
    """Return an external job with the particles of another job for input, and two outputs."""
    job = project.create_external_job(workspace, title="cl2d: 2D classification")
    job.connect("particles", source_job, source_output, slots=["blob"], title="Particles")
    job.add_output(
        "particle",
        "particles",
        slots=["alignments2D"],
        passthrough="particles",
        title="Particles in a class",
    )
    job.add_output("template", "class_averages", slots=["blob"], title="Class averages")
    return job


def classify(job: ExternalJobController, project_folder: Path, arguments: list[str]) -> Path:
    """Run cl2d on the particles of a job, in its folder, and return the folder of the run."""
    folder = project_folder / job.uid
    particles = folder / "input_particles.cs"
    job.load_input("particles", "all").save(particles)
    out = folder / "cl2d"
    command = ["cl2d", "classify", str(particles), "-o", str(out), "--format", "cryosparc"]
    # Paths of stacks are relative to the folder of the project.
    subprocess.run([*command, *arguments], cwd=project_folder, check=True)
    return out


def save_results(job: ExternalJobController, out: Path) -> None:
    """Bring classes and poses, averages and the gallery into the job."""
    results = out / "cryosparc"
    particles = Dataset.load(results / "particles.cs").filter_prefixes(["alignments2D"])
    job.save_output("particles", particles)
    averages = Dataset.load(results / "class_averages.cs").filter_prefixes(["blob"])
    job.upload(AVERAGES, results / AVERAGES, overwrite=True)
    averages["blob/path"] = f"{job.uid}/{AVERAGES}"
    job.save_output("class_averages", averages, image=out / "gallery.png")
    job.log_plot(out / "gallery.png", "Class averages by size: number, members and share")


def main(words: list[str]) -> None:
    """Do everything; what follows ``--`` goes to ``cl2d classify``."""
    cut = words.index("--") if "--" in words else len(words)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("project", "workspace", "job", "output"):
        parser.add_argument(name)
    asked = parser.parse_args(words[:cut])
    project = CryoSPARC().find_project(asked.project)
    job = create_job(project, asked.workspace, asked.job, asked.output)
    with job.run():
        save_results(job, classify(job, Path(project.dir), words[cut + 1 :]))


if __name__ == "__main__":
    main(sys.argv[1:])
