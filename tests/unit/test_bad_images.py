"""One bad image stops no run: it keeps its row, is in no class, and is named with the reason."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

import cl2d
from cl2d.io import array_source, open_particles, read_stack, read_star, write_stack
from cl2d.io.ctf_parameters import CtfParameters
from cl2d.io.repeated_images import repeated_images
from cl2d.pipeline.inputs import flag_warnings
from cl2d.preprocess.ctf_source import phase_flipped
from cl2d.simulate import SimulationOptions, simulate_particles

BOX, N = 32, 60
BAD_ROW = 7


def noise(scale: float, offset: float = 0.0) -> np.ndarray:
    values = np.random.default_rng(0).normal(size=(BOX, BOX))
    with np.errstate(over="ignore"):
        return (offset + scale * values).astype(np.float32)


def with_pixel(value: float) -> np.ndarray:
    image = noise(1.0)
    image[3, 4] = value
    return image


NOT_FINITE = (
    "1 of 60 images holds values that are not finite or beyond 1e24, so it is in no class: "
)
CONSTANT = "1 of 60 images is constant, so it is in no class: "

IN_NO_CLASS = {
    "one NaN": (with_pixel(np.nan), NOT_FINITE),
    "one infinity": (with_pixel(-np.inf), NOT_FINITE),
    "all NaN": (np.full((BOX, BOX), np.nan), NOT_FINITE),
    "hot pixel of 1e30": (with_pixel(1e30), NOT_FINITE),
    "hot pixel of 3e38": (with_pixel(3e38), NOT_FINITE),
    "noise of 1e30": (noise(1e30), NOT_FINITE),
    "offset of 1e30": (noise(1e29, 1e30), NOT_FINITE),
    "sums beyond float32": (np.sign(noise(1.0)) * np.float32(3e38), NOT_FINITE),
    "zeros": (np.zeros((BOX, BOX)), CONSTANT),
    "constant": (np.full((BOX, BOX), 3.25), CONSTANT),
    "constant but for rounding": (np.full((BOX, BOX), 1e6) + noise(1e-3), CONSTANT),
    "denormal": (noise(1e-42), CONSTANT),
}
IN_A_CLASS = {
    "hot pixel": with_pixel(1e5),
    "one pixel alone": np.where(with_pixel(5.0) == 5.0, 1.0, 0.0),
    "background of zeros but for a denormal": np.where(
        np.hypot(*np.mgrid[-16:16, -16:16]) < 10, noise(1.0), noise(1e-43)
    ),
    "half without noise": np.where(np.arange(BOX)[:, None] < BOX // 2, 0, noise(1.0)),
    "tiny values": noise(1e-28),
    "large offset": noise(1.0, 3e4),
}


@pytest.fixture(scope="module")
def good() -> np.ndarray:
    options = SimulationOptions(n_particles=N, box_px=BOX, n_views=2, snr=1.0, seed=5)
    return simulate_particles(options).images


@pytest.fixture
def bad_set(good, tmp_path, monkeypatch):
    """Return what writes the good images with one replaced as a table with CTFs."""
    monkeypatch.chdir(tmp_path)

    def write(image: np.ndarray) -> Path:
        images = good.copy()
        images[BAD_ROW] = image
        write_stack("a.mrcs", images, 2.0)
        return write_table(range(1, N + 1))

    return write


def write_table(numbers) -> Path:
    path = Path("p.star")
    optics = "data_optics\nloop_\n_rlnOpticsGroup\n_rlnImagePixelSize\n_rlnVoltage\n"
    optics += "_rlnSphericalAberration\n_rlnAmplitudeContrast\n1 2.0 300 2.7 0.1\n"
    labels = "_rlnImageName\n_rlnOpticsGroup\n_rlnDefocusU\n_rlnDefocusV\n_rlnDefocusAngle\n"
    rows = "".join(f"{number:06d}@a.mrcs 1 12000 11000 30\n" for number in numbers)
    path.write_text(f"{optics}\ndata_particles\nloop_\n{labels}{rows}")
    return path


@pytest.mark.parametrize("ctf", ["none", "flip"])
@pytest.mark.parametrize("kind", IN_NO_CLASS)
def test_useless_image_is_in_no_class_and_named(bad_set, kind, ctf):
    image, told = IN_NO_CLASS[kind]
    table = bad_set(image)
    result = cl2d.classify(table, n_classes=2, threads=1, ctf=ctf, output="out", evaluate=False)
    assert np.flatnonzero(result.flags).tolist() == [BAD_ROW]
    assert f"{told}000008@a.mrcs" in result.warnings
    rows = read_star("out/particles.star")["particles"]
    assert rows.n_rows == N
    assert np.flatnonzero(rows.numbers("rlnClassNumber") == 0).tolist() == [BAD_ROW]
    assert rows.text("cl2dFlag")[BAD_ROW] == ("constant" if told == CONSTANT else "not_finite")
    scores = [name for name in rows.columns if name.startswith("cl2d") and name != "cl2dFlag"]
    assert all(np.isfinite(rows.numbers(name)).all() for name in scores)
    averages = read_stack("out/classes.mrcs")
    assert np.isfinite(averages).all()
    assert np.abs(averages).max() < 20


@pytest.mark.parametrize("ctf", ["none", "flip", "full"])
@pytest.mark.parametrize("kind", IN_A_CLASS)
def test_odd_image_is_classified_and_harms_nothing(bad_set, kind, ctf):
    result = cl2d.classify(bad_set(IN_A_CLASS[kind]), n_classes=2, threads=1, ctf=ctf)
    assert (result.flags == 0).all()
    assert (result.labels >= 0).all()
    assert np.isfinite(result.scores).all()
    assert np.isfinite(result.averages).all()
    assert result.cores
    assert all(np.isfinite(core.zscores.junk).all() for core in result.cores)


@pytest.mark.usefixtures("bad_set")
@pytest.mark.parametrize("image", [with_pixel(np.nan), np.zeros((BOX, BOX)), with_pixel(1e30)])
def test_nothing_but_useless_images_is_one_error_and_no_folder(image):
    write_stack("b.mrcs", np.repeat(image[None], 5, axis=0).astype(np.float32))
    with pytest.raises(cl2d.InputError) as caught:
        cl2d.classify("b.mrcs", n_classes=1, output="out")
    n_constant = 5 * (np.ptp(image) == 0)
    assert str(caught.value) == (
        f"b.mrcs must hold usable images; of 5 looked at, {5 - n_constant} are not finite and "
        f"{n_constant} are constant"
    )
    assert not Path("out").exists()


def test_images_that_are_all_noise_and_all_junk_are_classified():
    images = np.random.default_rng(1).normal(size=(40, BOX, BOX))
    result = cl2d.classify(images, n_classes=3, threads=1)
    assert (result.labels >= 0).all()
    ice = images + 50 * np.linspace(0, 1, BOX)[:, None]
    assert (cl2d.classify(ice, n_classes=3, threads=1).labels >= 0).all()


@pytest.mark.parametrize(("n", "n_classes"), [(1, 1), (2, 2), (5, 5)])
def test_as_many_classes_as_images(good, n, n_classes):
    result = cl2d.classify(good[:n], n_classes=n_classes, initial_classes=1, threads=1)
    assert np.bincount(result.labels, minlength=n_classes).tolist() == [1] * n


def test_more_classes_than_images_are_refused(good):
    with pytest.raises(cl2d.InputError) as caught:
        cl2d.classify(good[:3], n_classes=4)
    assert str(caught.value) == (
        "the number of classes (4) must not exceed the number of images (3) in array"
    )


def test_transfer_that_is_no_number_flips_no_phases_and_spoils_no_class(good):
    parameters = CtfParameters(*(np.full(N, v) for v in (300.0, 2.7, 0.1, 1e4, 1e4, 0.0, 0.0)))
    defocus = parameters.defocus_u_angstrom.copy()
    defocus[BAD_ROW] = np.nan
    parameters = dataclasses.replace(parameters, defocus_u_angstrom=defocus)
    source = phase_flipped(array_source(good, 2.0), parameters)
    result = cl2d.classify(source, n_classes=2, threads=1)
    assert (result.flags == 0).all()
    assert np.isfinite(result.averages).all()
    assert np.isfinite(result.scores).all()


WRONG_CTF = {
    ("1 2.0 300 2.7 0.1", "1 2.0 0 2.7 0.1"): "row 1 of data_optics: rlnVoltage must be between 1 "
    "and 10000, not 0",
    ("1 2.0 300 2.7 0.1", "1 2.0 300000 2.7 0.1"): "row 1 of data_optics: rlnVoltage must be "
    "between 1 and 10000, not 300000",
    ("1 2.0 300 2.7 0.1", "1 2.0 nan 2.7 0.1"): "row 1 of data_optics: rlnVoltage must be between "
    "1 and 10000, not nan",
    ("1 2.0 300 2.7 0.1", "1 2.0 300 2700 0.1"): "row 1 of data_optics: rlnSphericalAberration "
    "must be between -1000 and 1000, not 2700",
    ("1 2.0 300 2.7 0.1", "1 2.0 300 2.7 2"): "row 1 of data_optics: rlnAmplitudeContrast must be "
    "between -1 and 1, not 2",
    ("000008@a.mrcs 1 12000", "000008@a.mrcs 1 nan"): "row 8 of data_particles: rlnDefocusU must "
    "be between -1e+07 and 1e+07, not nan",
    ("000008@a.mrcs 1 12000", "000008@a.mrcs 1 1e9"): "row 8 of data_particles: rlnDefocusU must "
    "be between -1e+07 and 1e+07, not 1e+09",
    ("000008@a.mrcs 1 12000", "000008@a.mrcs 1 far"): "row 8 of data_particles: rlnDefocusU must "
    "be a number, not 'far'",
}


@pytest.mark.parametrize("change", WRONG_CTF, ids=lambda change: change[1])
def test_impossible_ctf_is_named_and_corrects_nothing_unless_asked_to(bad_set, good, change):
    table = bad_set(good[0])
    table.write_text(table.read_text().replace(*change))
    with pytest.raises(cl2d.InputFileError) as caught:
        cl2d.classify(table, n_classes=2, ctf="flip")
    assert str(caught.value) == f"p.star: {WRONG_CTF[change]}"
    result = cl2d.classify(table, n_classes=2, threads=1)
    assert f"the CTF is not corrected: p.star: {WRONG_CTF[change]}" in result.warnings
    assert (result.labels >= 0).all()


def test_negative_cs_is_taken(bad_set, good):
    table = bad_set(good[0])
    table.write_text(table.read_text().replace("2.0 300 2.7", "2.0 300 -0.02"))
    assert (cl2d.classify(table, n_classes=2, threads=1, ctf="flip").labels >= 0).all()


def test_rows_that_name_one_image_are_kept_and_told(bad_set, good):
    bad_set(good[0])
    write_table([*range(1, N - 2), 3, 3, 9])
    result = cl2d.classify("p.star", n_classes=2, threads=1, ctf="none", output="out")
    assert (
        "3 of 60 rows name images that an earlier row names, and are counted again: "
        "000003@a.mrcs in rows 3, 58, 59; 000009@a.mrcs in rows 9, 60"
    ) in result.warnings
    assert read_star("out/particles.star")["particles"].n_rows == N
    assert result.labels[2] == result.labels[57] == result.labels[58]


def test_one_image_by_two_spellings_is_one_and_names_that_begin_alike_are_not(bad_set, good):
    bad_set(good[0])
    write_stack("0a.mrcs", good[:1], 2.0)
    rows = "1@a.mrcs\n000001@a.mrcs\n10@a.mrcs\n2@a.mrcs\n0a.mrcs\na.mrcs\n1@0a.mrcs\n"
    Path("q.star").write_text(f"data_\nloop_\n_rlnImageName\n{rows}")
    source = open_particles("q.star")
    assert [rows.tolist() for rows in repeated_images(source.table)] == [[0, 1, 5], [4, 6]]
    [told] = flag_warnings(np.zeros(7, np.uint8), source)
    assert told.startswith("3 of 7 rows name images that an earlier row names")


WRONG_REFERENCES = {
    "another box": (lambda good: (good[:2, 1:-1, 1:-1], 2.0), "box"),
    "another pixel size": (lambda good: (good[:2], 3.0), "pixel size"),
    "too many": (lambda good: (good[:5], 2.0), "n_classes|classes"),
    "not finite": (lambda _: (np.full((2, BOX, BOX), np.nan), 2.0), "finite"),
    "constant": (lambda _: (np.full((2, BOX, BOX), 2.0), 2.0), "constant"),
}


@pytest.mark.parametrize("kind", WRONG_REFERENCES)
def test_references_that_do_not_fit_are_refused_with_their_name(bad_set, good, kind):
    table = bad_set(good[0])
    build, word = WRONG_REFERENCES[kind]
    images, pixel_size = build(good)
    write_stack("r.mrcs", images.astype(np.float32), pixel_size)
    with pytest.raises(cl2d.InputError, match=rf"(?s)({word}).*") as caught:
        cl2d.classify(table, n_classes=2, references="r.mrcs", output="out")
    assert "r.mrcs" in str(caught.value) or kind == "too many"
    assert not Path("out/particles.star").exists()
