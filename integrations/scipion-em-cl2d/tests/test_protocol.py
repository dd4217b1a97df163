"""The protocol in a project of Scipion, without its windows, with the program itself.

``CL2D_ENV_ACTIVATION`` must be a command that makes ``cl2d`` available, as in Scipion.
"""

from __future__ import annotations

import math
import os
import subprocess
from pathlib import Path

import mrcfile
import numpy as np
import pytest
from scipy.ndimage import map_coordinates

pytest.importorskip("pwem")

ACTIVATION = os.environ.get("CL2D_ENV_ACTIVATION", "")
needs_program = pytest.mark.skipif(not ACTIVATION, reason="CL2D_ENV_ACTIVATION is not set")

N, BOX = 120, 32


def test_matrix_moves_points_as_the_relion_pose_does():
    from cl2d_scipion.convert import transform_matrix

    row = {
        "rlnAnglePsi": "30",
        "rlnOriginXAngst": "4",
        "rlnOriginYAngst": "-6",
        "rlnIsFlip": "1",
    }
    matrix = np.array(transform_matrix(row, 2.0))
    psi = math.radians(30)
    turn = np.array([[math.cos(psi), -math.sin(psi)], [math.sin(psi), math.cos(psi)]])
    point = np.array([3.0, 5.0])
    expected = np.diag([-1, 1]) @ turn @ (point + np.array([2, -3]))
    np.testing.assert_allclose(matrix[:2, :2] @ point + matrix[:2, 3], expected)
    assert matrix[2, 2] == -1
    assert np.linalg.det(matrix[:3, :3]) == pytest.approx(1)


@pytest.fixture(scope="module")
def protocols(tmp_path_factory):
    """Give the protocol after a run, and after one that starts from the classes of the first.

    One of the simulated particles is disabled.
    """
    from pwem.objects import Acquisition, CTFModel, Particle
    from pwem.protocols import EMProtocol
    from pyworkflow.project import Manager

    from cl2d_scipion.protocols import Cl2dProtClassify2D

    before = Path.cwd()
    folder = tmp_path_factory.mktemp("particles")
    simulate = f"cl2d simulate -o {folder} --n-particles {N} --box-px {BOX} --n-views 2 --snr 0.5"
    subprocess.run(["bash", "-c", f"{ACTIVATION} && {simulate}"], check=True)

    project = Manager().createProject("Cl2dTest")
    os.chdir(project.getPath())  # as Scipion itself does

    class ProtImport(EMProtocol):
        """Stands for an import."""

    imported = project.newProtocol(ProtImport)
    project.saveProtocol(imported)
    imported.makePathsAndClean()
    particles = imported._createSetOfParticles()
    particles.setSamplingRate(2.0)
    particles.setHasCTF(True)
    particles.setAcquisition(
        Acquisition(voltage=300, sphericalAberration=2.7, amplitudeContrast=0.1)
    )
    for i in range(N):
        particle = Particle()
        particle.setLocation(i + 1, str(folder / "particles.mrcs"))
        particle.setAcquisition(particles.getAcquisition())
        particle.setEnabled(i != 7)
        particle.setCTF(CTFModel(defocusU=15000.0, defocusV=14500.0, defocusAngle=30.0))
        particles.append(particle)
    imported._defineOutputs(outputParticles=particles)
    imported.setFinished()
    project._storeProtocol(imported)

    first = project.newProtocol(Cl2dProtClassify2D, cl2d_classes="2", cl2d_iterations=3, cl2d_ctf=1)
    first.inputParticles.set(imported)
    first.inputParticles.setExtended("outputParticles")
    first.numberOfThreads.set(1)
    project.launchProtocol(first, wait=True)
    second = project.copyProtocol(first)
    second.inputReferences.set(first)
    second.inputReferences.setExtended("outputClasses")
    project.launchProtocol(second, wait=True)
    yield first, second
    os.chdir(before)


@needs_program
@pytest.mark.parametrize("which", [0, 1])
def test_outputs_have_every_enabled_particle_once(protocols, which):
    protocol = protocols[which]
    assert not protocol.isFailed(), protocol.getErrorMessage()
    assert len(protocol.outputClasses) == 2
    seen = []
    for class_item in protocol.outputClasses:
        representative = class_item.getRepresentative()
        assert representative.getIndex() == class_item.getObjId()
        assert Path(representative.getFileName()).exists()
        seen += class_item.getIdSet()
    assert sorted(seen) == [i for i in range(1, N + 1) if i != 8]


@needs_program
def test_particles_moved_by_their_transforms_give_the_representative(protocols):
    y, x = np.mgrid[:BOX, :BOX] - BOX // 2
    disc = x**2 + y**2 < 10**2
    points = np.stack([x.ravel(), y.ravel()]).astype(float)
    for class_item in protocols[0].outputClasses:
        total = np.zeros(BOX * BOX)
        for particle in class_item:
            index, stack = particle.getLocation()
            image = mrcfile.read(stack)[index - 1].astype(float)
            matrix = particle.getTransform().getMatrix()
            # The value at p comes from where the transform takes to p.
            source = np.linalg.inv(matrix[:2, :2]) @ (points - matrix[:2, 3:4]) + BOX // 2
            total += map_coordinates(image, source[::-1], order=3)
        index, stack = class_item.getRepresentative().getLocation()
        average = mrcfile.read(stack)[index - 1]
        assert np.corrcoef(total[disc.ravel()], average[disc])[0, 1] > 0.98


@needs_program
def test_cores_are_subsets_of_their_classes(protocols):
    whole = {c.getObjId(): set(c.getIdSet()) for c in protocols[0].outputClasses}
    for name in ("outputClasses_core", "outputClasses_stable_core"):
        for class_item in getattr(protocols[0], name):
            assert set(class_item.getIdSet()) <= whole[class_item.getObjId()]


@needs_program
def test_defoci_and_disabled_particles_reach_the_program(protocols):
    lines = Path(protocols[0]._getExtraPath("particles.xmd")).read_text().splitlines()
    labels = [line.strip()[1:] for line in lines if line.startswith(" _")]
    rows = [dict(zip(labels, line.split())) for line in lines[4 + len(labels) :]]
    assert len(rows) == N
    assert [row["itemId"] for row in rows if row["enabled"] == "-1"] == ["8"]
    assert {float(row["ctfDefocusV"]) for row in rows} == {14500}
    assert {float(row["ctfVoltage"]) for row in rows} == {300}


@needs_program
def test_people_are_told_what_came_out_and_whom_to_cite(protocols):
    assert protocols[0]._summary() == [f"{N} particles in 2 classes."]
    assert any("Sorzano et al." in text for text in protocols[0].citations())
    protocols[0].cl2d_classes.set("none")
    assert protocols[0]._validate() == ["--classes must be a number or auto, not none"]
    protocols[0].cl2d_classes.set("2")
