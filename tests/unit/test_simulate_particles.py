"""Facts about simulated particles: what is in an image is what the truth says."""

from __future__ import annotations

import numpy as np
import pytest

from cl2d.errors import InputError
from cl2d.simulate import (
    JUNK_KINDS,
    SimulationOptions,
    clean_views,
    simulate_particles,
    truth_poses,
)
from cl2d.simulate.geometry import (
    rotation_matrices,
)
from cl2d.simulate.optics import contrast_transfer, ice_noise_amplitude


def options_of(**changes):
    defaults = {"n_particles": 60, "box_px": 48, "n_views": 5, "seed": 3}
    return SimulationOptions(**{**defaults, **changes})


@pytest.mark.parametrize("box_px", [48, 49])
@pytest.mark.parametrize("mirrors", [True, False])
def test_truth_pose_superposes_a_particle_on_its_view(box_px, mirrors):
    simulation = simulate_particles(
        options_of(box_px=box_px, mirrors=mirrors, amplitude_sd=0.0, molecule_radius=0.3)
    )
    poses, truth = truth_poses(simulation.truth), simulation.truth
    assert truth.mirror.any() == mirrors
    # Draw each view's molecule with the inverse pose: it must be the particle.
    line = np.arange(box_px) - box_px // 2
    y, x = np.meshgrid(line, line, indexing="ij")
    signal = simulation.signal(0, 30)
    for row in range(30):
        cos, sin = np.cos(poses.psi_rad[row]), np.sin(poses.psi_rad[row])
        turned_x, turned_y = cos * x - sin * y, sin * x + cos * y
        if poses.mirror[row]:
            turned_x = -turned_x
        places_x = turned_x - poses.shift_px[row, 0]
        places_y = turned_y - poses.shift_px[row, 1]
        expected = view_at(simulation, truth.view[row], places_x, places_y)
        assert np.abs(signal[row] - expected).max() < 1e-4 * expected.max()


def view_at(simulation, view, x, y):
    """Return the clean view at any positions, blob by blob."""
    row = int(np.flatnonzero((simulation.truth.view == view) & ~simulation.truth.mirror)[0])
    rot, tilt, _ = simulation.truth.euler_deg[row]
    matrix = rotation_matrices(np.array([rot]), np.array([tilt]), np.zeros(1))[0]
    molecule = simulation.molecule
    total = np.zeros_like(x)
    for centre, sigma, weight in zip(
        molecule.centres @ matrix.T, molecule.sigmas, molecule.weights, strict=True
    ):
        squared = (x - centre[0]) ** 2 + (y - centre[1]) ** 2
        total += weight / (2 * np.pi * sigma**2) * np.exp(-0.5 * squared / sigma**2)
    return total * simulation.signal_scale


def test_views_are_the_particles_without_pose():
    simulation = simulate_particles(options_of())
    grid = np.arange(48) - 24
    y, x = np.meshgrid(grid, grid, indexing="ij")
    for view in range(5):
        expected = view_at(simulation, view, x.astype(float), y.astype(float))
        assert np.abs(simulation.views[view] - expected).max() < 1e-4 * expected.max()


def test_mirrored_particles_show_the_opposite_side():
    simulation = simulate_particles(options_of(n_particles=400))
    directions, truth = simulation.truth.beam_directions(), simulation.truth
    for view in range(5):
        here = directions[(truth.view == view) & ~truth.mirror]
        there = directions[(truth.view == view) & truth.mirror]
        assert np.allclose(here, here[0], atol=1e-9)
        assert np.allclose(there, -here[0], atol=1e-9)


@pytest.mark.parametrize("ctf", ["none", "flipped", "raw"])
@pytest.mark.parametrize("noise", ["white", "ice"])
def test_snr_is_as_asked_for(ctf, noise):
    simulation = simulate_particles(options_of(n_particles=1000, snr=0.05, ctf=ctf, noise=noise))
    signal = simulation.signal(0, 1000)
    added = simulation.images - signal
    assert added.var() == pytest.approx(1.0, rel=0.01)
    assert abs(added.mean()) < 0.01
    assert signal.var(axis=(1, 2)).mean() == pytest.approx(0.05, rel=0.06)


def test_ice_noise_has_the_spectrum_it_is_given():
    simulation = simulate_particles(options_of(n_particles=1500, noise="ice"))
    added = simulation.images - simulation.signal(0, 1500)
    measured = (np.abs(np.fft.rfft2(added)) ** 2).mean(axis=0) / 48**2
    expected = ice_noise_amplitude(None, 48, 4.0)[0] ** 2
    assert np.abs(measured / expected - 1).max() < 0.2
    assert expected[0, 1] > 2 * expected[24, 24]


@pytest.mark.parametrize("box_px", [47, 48])
def test_ice_noise_keeps_unit_variance_for_any_transfer(box_px):
    truth = simulate_particles(options_of(box_px=box_px, ctf="raw")).truth
    transfer = contrast_transfer(truth, box_px, 4.0)
    whole = ice_noise_amplitude(transfer, box_px, 4.0) ** 2
    mirrored = whole[:, :, 1 : (box_px + 1) // 2]
    mean = (whole.sum(axis=(1, 2)) + mirrored.sum(axis=(1, 2))) / box_px**2
    assert np.allclose(mean, 1.0, atol=1e-5)


def test_contrast_transfer_has_its_first_zero_where_the_defocus_puts_it():
    truth = simulate_particles(options_of(ctf="raw")).truth
    transfer = contrast_transfer(truth, 256, 1.0)
    assert (transfer[:, 0, 0] > 0).all()
    # Along x the defocus is mean + half difference * cos(2 angle).
    mean = truth.defocus_angstrom.mean(axis=1)
    half = np.diff(truth.defocus_angstrom, axis=1)[:, 0] / -2
    defocus = mean + half * np.cos(2 * np.radians(truth.defocus_angle_deg))
    for row in range(5):
        first = int(np.flatnonzero(transfer[row, 0] < 0)[0])
        frequency = first / 256
        phase = np.pi * 0.019687 * defocus[row] * frequency**2
        phase -= 0.5 * np.pi * 2.7e7 * 0.019687**3 * frequency**4
        before = phase * ((first - 1) / first) ** 2
        assert before < np.pi - np.arcsin(0.1) < phase * 1.01


def test_flipping_changes_signs_and_nothing_else():
    # An odd box has no Nyquist row, whose two directions an astigmatic transfer tells apart.
    raw, flipped = (simulate_particles(options_of(box_px=47, ctf=c)) for c in ("raw", "flipped"))
    first, second = (np.fft.rfft2(each.signal(0, 10)) for each in (raw, flipped))
    signs = np.sign(contrast_transfer(raw.truth, 47, 4.0))[:10]
    assert raw.signal_scale == pytest.approx(flipped.signal_scale, rel=1e-4)
    assert np.allclose(first, second * signs, atol=1e-3 * np.abs(first).max())
    assert (signs < 0).any()


def test_same_options_give_the_same_particles():
    first, second = (
        simulate_particles(options_of(ctf="raw", noise="ice", junk_fraction=0.4)) for _ in range(2)
    )
    assert np.array_equal(first.images, second.images)
    assert np.array_equal(first.truth.euler_deg, second.truth.euler_deg, equal_nan=True)


def test_another_seed_gives_other_particles_of_the_same_molecule():
    first, second = (simulate_particles(options_of(seed=seed)) for seed in (0, 1))
    assert not np.array_equal(first.truth.view, second.truth.view)
    assert np.array_equal(first.molecule.centres, second.molecule.centres)
    assert np.abs(np.corrcoef(first.images.ravel(), second.images.ravel())[0, 1]) < 0.2


def test_another_molecule_seed_gives_another_molecule():
    first, second = (simulate_particles(options_of(molecule_seed=seed)) for seed in (0, 1))
    assert not np.allclose(first.molecule.centres, second.molecule.centres)


@pytest.mark.parametrize("block", [1, 7, 64])
def test_images_do_not_depend_on_how_they_are_read(block):
    simulation = simulate_particles(
        options_of(n_particles=150, ctf="raw", noise="ice", junk_fraction=0.3)
    )
    pieces = [simulation.read(start, start + block) for start in range(0, 150, block)]
    assert np.allclose(np.concatenate(pieces), simulation.images, rtol=0, atol=2e-6)


def test_a_longer_set_begins_with_the_shorter_one():
    short = simulate_particles(options_of(n_particles=70, ctf="raw", junk_fraction=0.2))
    long = simulate_particles(options_of(n_particles=140, ctf="raw", junk_fraction=0.2))
    assert np.array_equal(long.read(0, 70), short.images)
    assert np.array_equal(long.truth.take(slice(0, 70)).shift_px, short.truth.shift_px, True)


def test_lazy_stack_behaves_as_the_array():
    simulation = simulate_particles(options_of(n_particles=12))
    stack, images = simulation.stack, simulation.images
    assert (stack.shape, len(stack), stack.dtype) == (images.shape, 12, images.dtype)
    assert np.array_equal(stack[3:9], images[3:9])
    assert np.array_equal(stack[-1], images[-1])
    assert np.array_equal(stack[10:2:-3], images[10:2:-3])
    assert stack[5:5].shape == (0, 48, 48)
    with pytest.raises(IndexError):
        stack[12]


def test_populations_fall_with_the_rank_of_the_view():
    truth = simulate_particles(options_of(n_particles=20_000, view_exponent=1.0)).truth
    share = np.bincount(truth.view, minlength=5) / 20_000
    expected = 1 / np.arange(1, 6)
    assert np.allclose(share, expected / expected.sum(), atol=0.01)


def test_directions_without_views_are_uniform_over_the_sphere():
    directions = simulate_particles(options_of(n_particles=20_000, n_views=0)).truth
    beams = directions.beam_directions()
    assert np.allclose(beams.mean(axis=0), 0.0, atol=0.02)
    assert np.allclose((beams**2).mean(axis=0), 1 / 3, atol=0.01)
    assert not directions.has_views


def test_directions_without_mirrors_stay_on_one_side():
    options = options_of(n_particles=500, n_views=0, mirrors=False)
    assert (simulate_particles(options).truth.beam_directions()[:, 2] >= 0).all()


def test_shifts_have_the_spread_asked_for():
    truth = simulate_particles(options_of(n_particles=20_000, shift_sd_px=2.5)).truth
    assert np.allclose(truth.shift_px.std(axis=0), 2.5, rtol=0.03)


def test_junk_has_all_kinds_in_the_share_asked_for_and_no_truth():
    truth = simulate_particles(options_of(n_particles=10_000, junk_fraction=0.3)).truth
    counts = np.bincount(truth.junk, minlength=len(JUNK_KINDS)) / 10_000
    assert counts[0] == pytest.approx(0.7, abs=0.02)
    assert np.allclose(counts[1:], 0.06, atol=0.01)
    junk = ~truth.good
    assert (truth.view[junk] == -1).all()
    assert np.isnan(truth.shift_px[junk]).all()
    assert np.isnan(truth_poses(truth).psi_rad[junk]).all()
    assert not np.isnan(truth.euler_deg[truth.good]).any()


@pytest.mark.parametrize("n_views", [0, 5])
def test_each_kind_of_junk_shows_what_its_name_says(n_views):
    simulation = simulate_particles(
        options_of(n_particles=400, junk_fraction=0.8, n_views=n_views, snr=0.1)
    )
    signal, kinds = simulation.signal(0, 400), simulation.truth.junk
    named = {name: signal[kinds == index] for index, name in enumerate(JUNK_KINDS)}
    good = named[""].std(axis=(1, 2)).mean()
    assert not named["noise"].any()
    for name in ("ice", "edge"):
        assert named[name].std(axis=(1, 2)).min() > 1.9 * good
    masses = [named[name].sum(axis=(1, 2)).mean() for name in ("", "aggregate")]
    assert masses[1] > 1.6 * masses[0]
    middle = (slice(None), slice(12, 36), slice(12, 36))
    in_middle = [named[name][middle].sum() / named[name].sum() for name in ("", "off_centre")]
    assert in_middle[0] > 0.8
    assert in_middle[1] < 0.6


def test_clean_views_need_no_particles():
    options = options_of()
    assert np.array_equal(clean_views(options), simulate_particles(options).views)
    assert clean_views(options_of(n_views=0)).shape == (0, 48, 48)


def test_one_particle_in_the_smallest_odd_box():
    simulation = simulate_particles(options_of(n_particles=1, box_px=17, n_views=1, ctf="raw"))
    assert simulation.images.shape == (1, 17, 17)
    assert np.isfinite(simulation.images).all()


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"n_particles": 0}, "n_particles"),
        ({"snr": 0.0}, "snr"),
        ({"junk_fraction": 1.0}, "junk_fraction"),
        ({"ctf": "wiener"}, "ctf"),
        ({"box_px": 8}, "box_px"),
        ({"molecules": 2}, "molecules"),
    ],
)
def test_options_out_of_range_are_named(changes, name):
    with pytest.raises(InputError, match=name):
        SimulationOptions.from_flat(**changes)


def test_options_of_the_wrong_type_are_a_type_error():
    with pytest.raises(TypeError, match="box_px must be an integer"):
        SimulationOptions.from_flat(box_px="64")
