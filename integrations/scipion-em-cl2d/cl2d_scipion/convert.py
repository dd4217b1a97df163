"""Particles of Scipion to a table that cl2d reads, and rows of its result back."""

from __future__ import annotations

import math
import shlex


def image_name(image) -> str:
    """Return an image as ``000012@stack``, or the file alone if it holds one image."""
    index, file_name = image.getLocation()
    return f"{index:06d}@{file_name}" if index else str(file_name)


def write_particles(path: str, particles) -> None:
    """Write a set of particles as an Xmipp metadata file, one row each, in the set's order."""
    with_ctf = particles.hasCTF()
    rows = [_particle_columns(particle, with_ctf) for particle in particles.iterItems()]
    flipped = {"ctfPhaseFlipped": int(particles.isPhaseFlipped())} if with_ctf else {}
    of_all = {"samplingRate": particles.getSamplingRate(), **flipped}
    _write(path, [{**row, **of_all} for row in rows])


def write_references(path: str, averages) -> None:
    """Write averages, or the averages of classes, as an Xmipp metadata file."""
    rate = averages.getSamplingRate()
    # Scipion may use one object for all items, so each is named as it comes.
    names = [image_name(_average_of(item)) for item in averages]
    _write(path, [{"image": name, "samplingRate": rate} for name in names])


def read_rows(path: str):
    """Yield the rows of the table of particles that cl2d wrote, as dictionaries of text."""
    labels, in_particles = [], False
    with open(path, encoding="utf-8", errors="surrogateescape") as lines:  # noqa: PTH123
        for line in lines:
            text = line.strip()
            if text.startswith("data_"):
                labels, in_particles = [], text == "data_particles"
            elif in_particles and text.startswith("_"):
                labels.append(text.split()[0][1:])
            elif in_particles and labels and text:
                quoted = "'" in text or '"' in text
                yield dict(zip(labels, shlex.split(text) if quoted else text.split()))


def transform_matrix(row: dict, pixel_size: float) -> list:
    """Return the matrix that moves a particle onto its class average, as Scipion keeps it in 2D.

    ``p = F R(psi) (x + origin)``, R = [[cos, -sin], [sin, cos]], F = diag(-1, 1) for a mirrored
    particle, whose matrix has -1 in its third row, too.
    """
    psi = math.radians(float(row["rlnAnglePsi"]))
    x = float(row["rlnOriginXAngst"]) / pixel_size
    y = float(row["rlnOriginYAngst"]) / pixel_size
    sign = -1.0 if float(row["rlnIsFlip"]) else 1.0
    first = [sign * math.cos(psi), -sign * math.sin(psi)]
    second = [math.sin(psi), math.cos(psi)]
    return [
        [*first, 0.0, first[0] * x + first[1] * y],
        [*second, 0.0, second[0] * x + second[1] * y],
        [0.0, 0.0, sign, 0.0],
        [0.0, 0.0, 0.0, 1.0],
    ]


def _average_of(item):
    return item.getRepresentative() if hasattr(item, "getRepresentative") else item


def _particle_columns(particle, with_ctf: bool) -> dict:
    columns = {
        "image": image_name(particle),
        "itemId": particle.getObjId(),
        "enabled": 1 if particle.isEnabled() else -1,
    }
    if not with_ctf:
        return columns
    ctf, acquisition = particle.getCTF(), particle.getAcquisition()
    columns.update(
        ctfDefocusU=ctf.getDefocusU(),
        ctfDefocusV=ctf.getDefocusV(),
        ctfDefocusAngle=ctf.getDefocusAngle(),
        ctfVPPphaseshift=ctf.getPhaseShift() or 0.0,
        ctfVoltage=acquisition.getVoltage(),
        ctfSphericalAberration=acquisition.getSphericalAberration(),
        ctfQ0=acquisition.getAmplitudeContrast(),
    )
    return columns


def _write(path: str, rows: list) -> None:
    with open(path, "w", encoding="utf-8", errors="surrogateescape") as stream:  # noqa: PTH123
        stream.write("# XMIPP_STAR_1 * \n# \ndata_particles\nloop_\n")
        stream.writelines(f" _{label}\n" for label in rows[0])
        stream.writelines(" " + " ".join(map(_cell, row.values())) + "\n" for row in rows)


def _cell(value) -> str:
    text = str(value)
    return f"'{text}'" if any(character.isspace() for character in text) else text
