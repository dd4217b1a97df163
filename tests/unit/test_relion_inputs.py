"""Tables as versions of RELION and other programs write them, from opening to the run's files."""

from __future__ import annotations

from pathlib import Path

import mrcfile
import numpy as np
import pytest
import starfile

from cl2d.errors import InputFileError
from cl2d.io import StarBlock, open_particles, read_star, write_stack
from cl2d.outputs import write_run
from tests.finished_run import finished
from tests.level_of_labels import level_of
from tests.relion_programs import needs_relion, relion

N, BOX = 4, 8
OPTICS = ["rlnOpticsGroup", "rlnOpticsGroupName", "rlnImagePixelSize", "rlnImageSize"]


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with a stack of four images in ``Extract``."""
    monkeypatch.chdir(tmp_path)
    Path("Extract").mkdir()
    images = np.arange(N * BOX * BOX, dtype=np.float32).reshape(N, BOX, BOX)
    write_stack("Extract/stack.mrcs", images, 2.0)
    return tmp_path


def loop(name: str, labels: list[str], rows: list[str], version: int = 30001) -> str:
    head = "".join(f"_{label} #{i} \n" for i, label in enumerate(labels, 1))
    body = "".join(f"{row} \n" for row in rows)
    return f"\n# version {version}\n\ndata_{name}\n\nloop_ \n{head}{body} \n"


def particles(stack: str = "Extract/stack.mrcs") -> str:
    rows = [f"{i + 1:06d}@{stack} {i % 2 + 1}" for i in range(N)]
    return loop("particles", ["rlnImageName", "rlnOpticsGroup"], rows)


def written(table: str) -> dict[str, dict[str, list[str]]]:
    """Run a table through a classification of one class; return the data.star for RELION."""
    Path("input.star").write_text(table)
    source = open_particles("input.star")
    assert source.n_images == N
    write_run("out", finished(source, [level_of([0] * N, 1)]))
    blocks = read_star("out/relion/run_it025_data.star")
    return {
        name: {column: block.text(column) for column in block.columns}
        for name, block in blocks.items()
    }


def test_table_of_relion_5_with_more_tables_than_two() -> None:
    general = "\n# version 50001\n\ndata_general\n\n_rlnTomoSubTomosAre2DStacks 0 \n \n"
    optics = loop("optics", OPTICS, ["1 a 2.0 8", "2 b 2.0 8"], version=50001)
    other = loop("micrographs", ["rlnMicrographName"], ["one.mrc", "two.mrc", "three.mrc"])
    data = written(general + optics + other + particles())
    assert list(data) == ["optics", "particles"]
    assert data["optics"]["rlnOpticsGroupName"] == ["a", "b"]
    assert data["particles"]["rlnOpticsGroup"] == ["1", "2", "1", "2"]


def test_optics_groups_in_another_order_keep_their_particles() -> None:
    data = written(loop("optics", OPTICS, ["2 b 2.0 8", "1 a 2.0 8", "3 c 9.9 5"]) + particles())
    assert data["optics"]["rlnOpticsGroup"] == ["2", "1", "3"]
    assert data["particles"]["rlnOpticsGroup"] == ["1", "2", "1", "2"]


def test_optics_as_a_list_of_single_values() -> None:
    optics = "data_optics\n\n_rlnOpticsGroup 1\n_rlnImagePixelSize 2.0\n\n"
    rows = [f"{i + 1}@Extract/stack.mrcs" for i in range(N)]
    data = written(optics + loop("particles", ["rlnImageName"], rows))
    assert data["optics"]["rlnImageSize"] == [str(BOX)]
    assert data["particles"]["rlnOpticsGroup"] == ["1"] * N


def test_names_in_quotes_with_blanks_in_them() -> None:
    Path("Extract/stack.mrcs").rename("Extract/my stack.mrcs")
    optics = loop("optics", OPTICS, ['1 "krios, one" 2.0 8'])
    rows = [f"'{i + 1}@Extract/my stack.mrcs' 1" for i in range(N)]
    data = written(optics + loop("particles", ["rlnImageName", "rlnOpticsGroup"], rows))
    assert data["optics"]["rlnOpticsGroupName"] == ["krios, one"]
    assert data["particles"]["rlnImageName"][1] == "2@Extract/my stack.mrcs"


def test_paths_from_the_folder_of_the_table_hold_for_relion() -> None:
    table = loop("optics", OPTICS, ["1 a 2.0 8", "2 b 2.0 8"]) + particles("stack.mrcs")
    Path("Extract/input.star").write_text(table)
    source = open_particles("Extract/input.star")
    write_run("out", finished(source, [level_of([0] * N, 1)]))
    data = read_star("out/relion/run_it025_data.star")["particles"]
    assert data.text("rlnImageName")[2] == "000003@Extract/stack.mrcs"


def test_table_of_version_3_0_without_a_name() -> None:
    labels = ["rlnImageName", "rlnMicrographName", "rlnMagnification", "rlnDetectorPixelSize"]
    rows = [f"{i + 1}@Extract/stack.mrcs m.mrc 25000 5" for i in range(N)]
    data = written(loop("", labels, rows))
    assert data["optics"]["rlnImagePixelSize"] == ["2.000000"]
    assert data["particles"]["rlnMagnification"] == ["25000"] * N


def test_microscopes_of_an_old_table_become_optics_groups_as_they_appear() -> None:
    rows = [f"{i + 1}@Extract/stack.mrcs {kv} 2.7 1e-3" for i, kv in enumerate((300, 200, 300, 80))]
    labels = ["rlnImageName", "rlnVoltage", "rlnSphericalAberration", "rlnBeamTiltY"]
    data = written(loop("images", labels, rows, version=30000))
    assert data["particles"]["rlnOpticsGroup"] == ["1", "2", "1", "3"]
    assert data["optics"]["rlnOpticsGroup"] == ["1", "2", "3"]
    assert [float(text) for text in data["optics"]["rlnVoltage"]] == [300, 200, 80]
    assert [float(text) for text in data["optics"]["rlnBeamTiltY"]] == [1e-3] * 3
    assert data["optics"]["rlnOpticsGroupName"][2] == "opticsGroup3"


def test_table_of_xmipp() -> None:
    rows = "".join(
        f" {i + 1} {i + 1:06d}@Extract/stack.mrcs {1 - 2 * (i == 2)}\n" for i in range(N)
    )
    data = written(f"# XMIPP_STAR_1 *\n#\ndata_noname\nloop_\n _itemId\n _image\n _enabled\n{rows}")
    assert data["particles"]["rlnImageName"][3] == "000004@Extract/stack.mrcs"
    assert data["particles"]["itemId"] == ["1", "2", "3", "4"]
    assert data["particles"]["enabled"] == ["1", "1", "-1", "1"]


def test_stack_of_as_many_images_as_pixels_is_no_volume_if_its_name_says_so() -> None:
    cube = np.random.default_rng(0).normal(size=(N, N, N)).astype(np.float32)
    with mrcfile.new("Extract/cube.mrc") as mrc:
        mrc.set_data(cube)  # as a volume, which many programs leave it at
    optics = loop("optics", OPTICS, [f"1 a 2.0 {N}", f"2 b 2.0 {N}"])
    with pytest.raises(InputFileError, match="not a volume"):
        written(optics + particles("Extract/cube.mrc"))
    data = written(optics + particles("Extract/cube.mrc:mrcs"))
    assert data["particles"]["rlnImageName"][0] == "000001@Extract/cube.mrc:mrcs"


@pytest.mark.parametrize(
    "text",
    [
        "data_general\n_rlnTomoSubTomosAre2DStacks 1\n" + particles(),
        loop("optics", [*OPTICS, "rlnImageDimensionality"], ["1 a 2.0 8 3"]) + particles(),
    ],
)
def test_particles_of_tomograms_are_refused(text: str) -> None:
    Path("input.star").write_text(text)
    with pytest.raises(InputFileError, match="must be single images, not subtomograms"):
        open_particles("input.star")


@needs_relion
def test_what_relion_writes_of_a_run_is_read_again() -> None:
    optics = loop("optics", OPTICS, ["1 a 2.0 8", "2 b 2.0 8"])
    written(optics + particles())
    words = ["--select", "rlnClassNumber", "--minval", "1", "--maxval", "1"]
    relion("star_handler", "--i", "out/relion/run_it025_data.star", "--o", "all.star", *words)
    source = open_particles("all.star")
    assert (source.n_images, source.pixel_size_angstrom) == (N, 2.0)
    own = starfile.read("out/relion/run_it025_data.star")["particles"]
    again = starfile.read("all.star")["particles"]
    assert sorted(again.columns) == sorted(own.columns)


@needs_relion
def test_old_table_is_converted_as_relion_itself_does() -> None:
    labels = ["rlnImageName", "rlnMicrographName", "rlnMagnification", "rlnDetectorPixelSize"]
    labels += ["rlnSphericalAberration", "rlnAmplitudeContrast", "rlnVoltage", "rlnBeamTiltX"]
    microscopes = ("200 0.1", "300 0.1", "200 0.1", "200 0.3")
    rows = [
        f"{i + 1}@Extract/stack.mrcs m.mrc 25000 5 2.1 0.08 {microscope}"
        for i, microscope in enumerate(microscopes)
    ]
    ours = written(loop("", labels, rows, version=30000))
    relion("convert_star", "--i", "input.star", "--o", "converted.star")
    theirs = read_star("converted.star")
    assert set(theirs["optics"].columns) == set(ours["optics"])

    def optics_of_rows(optics: StarBlock, groups: list[str]) -> list[list[float]]:
        """Return the numbers of its group for each particle; groups may be numbered anyhow."""
        names = sorted(set(optics.columns) - {"rlnOpticsGroup", "rlnOpticsGroupName"})
        row = {group: i for i, group in enumerate(optics.text("rlnOpticsGroup"))}
        return [[optics.numbers(name)[row[group]] for name in names] for group in groups]

    np.testing.assert_allclose(
        optics_of_rows(StarBlock(ours["optics"]), ours["particles"]["rlnOpticsGroup"]),
        optics_of_rows(theirs["optics"], theirs["particles"].text("rlnOpticsGroup")),
    )
    assert open_particles("converted.star").pixel_size_angstrom == pytest.approx(2.0)
    relion("stack_create", "--i", "out/relion/run_it025_data.star", "--o", "copied")
    np.testing.assert_array_equal(
        mrcfile.read("copied.mrcs"), mrcfile.read("Extract/stack.mrcs").astype(np.float32)
    )
