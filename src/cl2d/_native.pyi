"""
Compiled engine of cl2d; use it through cl2d.engine.
"""
from __future__ import annotations
import collections.abc
import numpy
import numpy.typing
import typing
__all__: list[str] = ['GreyRules', 'ImageBlock', 'PolarGrid', 'PolarSampler', 'RefineOptions', 'SearchOptions', 'TileRange', 'accumulate', 'accumulate_transformed', 'align_members', 'available_simd_levels', 'compiler', 'correntropy', 'eigen_version', 'gram_spectrum', 'gridding_correction', 'has_openmp', 'leading_component', 'moved_images', 'normalise_images', 'patch_moments', 'refine', 'search', 'search_chosen', 'set_simd_level', 'simd_level', 'version']
class GreyRules:
    """
    What counts as far, flat or too large.
    """
    def __init__(self, *, clip_sigma: typing.SupportsFloat | typing.SupportsIndex, clip_rounds: typing.SupportsInt | typing.SupportsIndex, clipped_std: typing.SupportsFloat | typing.SupportsIndex, spike_rms: typing.SupportsFloat | typing.SupportsIndex, spike_rounds: typing.SupportsInt | typing.SupportsIndex, largest: typing.SupportsFloat | typing.SupportsIndex, beyond_sums: typing.SupportsFloat | typing.SupportsIndex, least_spread: typing.SupportsFloat | typing.SupportsIndex, least_range: typing.SupportsFloat | typing.SupportsIndex, least_deviation: typing.SupportsFloat | typing.SupportsIndex) -> None:
        ...
class PolarGrid:
    """
    Polar Fourier grid of a run.
    """
    def __init__(self, box_px: typing.SupportsInt | typing.SupportsIndex, k_min: typing.SupportsInt | typing.SupportsIndex, k_max: typing.SupportsInt | typing.SupportsIndex, radius_px: typing.SupportsFloat | typing.SupportsIndex) -> None:
        ...
    def max_order(self, ring: typing.SupportsInt | typing.SupportsIndex) -> int:
        ...
    @property
    def box_px(self) -> int:
        ...
    @property
    def k_max(self) -> int:
        ...
    @property
    def k_min(self) -> int:
        ...
    @property
    def n_angles(self) -> int:
        ...
    @property
    def n_coefficients(self) -> int:
        ...
    @property
    def n_half_angles(self) -> int:
        ...
    @property
    def n_orders(self) -> int:
        ...
    @property
    def n_rings(self) -> int:
        ...
class ImageBlock:
    """
    Polar coefficients of a run of images.
    """
    @staticmethod
    def bytes_needed(grid: PolarGrid, n_images: typing.SupportsInt | typing.SupportsIndex, half: bool) -> int:
        ...
    @staticmethod
    def from_polar(grid: PolarGrid, samples: numpy.typing.NDArray[numpy.complex64], n_threads: typing.SupportsInt | typing.SupportsIndex) -> ImageBlock:
        ...
    @typing.overload
    def __init__(self, grid: PolarGrid, n_images: typing.SupportsInt | typing.SupportsIndex, half: bool = False) -> None:
        ...
    @typing.overload
    def __init__(self, grid: PolarGrid, n_images: typing.SupportsInt | typing.SupportsIndex, half: bool, memory: numpy.typing.NDArray[numpy.uint8]) -> None:
        ...
    def coefficients(self, image: typing.SupportsInt | typing.SupportsIndex) -> numpy.typing.NDArray[numpy.complex64]:
        ...
    def copy_image(self, source: ImageBlock, start: typing.SupportsInt | typing.SupportsIndex, to: typing.SupportsInt | typing.SupportsIndex) -> None:
        ...
    def copy_images(self, blocks: collections.abc.Sequence[ImageBlock], block_images: typing.SupportsInt | typing.SupportsIndex, rows: numpy.typing.NDArray[numpy.int64]) -> None:
        ...
    def select(self, rows: numpy.typing.NDArray[numpy.int64]) -> ImageBlock:
        ...
    @property
    def bytes(self) -> int:
        ...
    @property
    def grid(self) -> PolarGrid:
        ...
    @property
    def half(self) -> bool:
        ...
    @property
    def n_images(self) -> int:
        ...
    @property
    def n_tiles(self) -> int:
        ...
class PolarSampler:
    """
    Samples padded transforms onto the polar grid.
    """
    def __init__(self, grid: PolarGrid, ring_weights: numpy.typing.NDArray[numpy.float64]) -> None:
        ...
    def fill(self, block: ImageBlock, first: typing.SupportsInt | typing.SupportsIndex, spectra: numpy.typing.NDArray[numpy.complex64], n_threads: typing.SupportsInt | typing.SupportsIndex) -> None:
        ...
class TileRange:
    """
    A run of whole tiles of a block.
    """
    def __init__(self, first: typing.SupportsInt | typing.SupportsIndex, count: typing.SupportsInt | typing.SupportsIndex) -> None:
        ...
    @property
    def count(self) -> int:
        ...
    @property
    def first(self) -> int:
        ...
class SearchOptions:
    """
    How to search.
    """
    def __init__(self, with_mirrors: bool, n_threads: typing.SupportsInt | typing.SupportsIndex) -> None:
        ...
    @property
    def n_threads(self) -> int:
        ...
class RefineOptions:
    """
    How to refine poses.
    """
    def __init__(self, step_rad: typing.SupportsFloat | typing.SupportsIndex, step_px: typing.SupportsFloat | typing.SupportsIndex, n_rounds: typing.SupportsInt | typing.SupportsIndex, max_shift_px: typing.SupportsFloat | typing.SupportsIndex, n_threads: typing.SupportsInt | typing.SupportsIndex) -> None:
        ...
def accumulate(block: ImageBlock, slots: numpy.typing.NDArray[numpy.int32], psi_rad: numpy.typing.NDArray[numpy.float64], shift_xy: numpy.typing.NDArray[numpy.float64], mirror: numpy.typing.NDArray[numpy.uint8], n_slots: typing.SupportsInt | typing.SupportsIndex, n_threads: typing.SupportsInt | typing.SupportsIndex) -> numpy.typing.NDArray[numpy.complex128]:
    ...
def accumulate_transformed(sums: numpy.typing.NDArray[numpy.float64], images: numpy.typing.NDArray[numpy.float32], image: numpy.typing.NDArray[numpy.int32], psi_rad: numpy.typing.NDArray[numpy.float64], shift_x_px: numpy.typing.NDArray[numpy.float64], shift_y_px: numpy.typing.NDArray[numpy.float64], mirror: numpy.typing.NDArray[numpy.uint8], slots: numpy.typing.NDArray[numpy.int32], n_threads: typing.SupportsInt | typing.SupportsIndex) -> None:
    """
    Add images, moved by their poses, to their sums, in place.
    """
def align_members(block: ImageBlock, psi_rad: numpy.typing.NDArray[numpy.float64], shift_xy: numpy.typing.NDArray[numpy.float64], mirror: numpy.typing.NDArray[numpy.uint8], n_threads: typing.SupportsInt | typing.SupportsIndex) -> numpy.typing.NDArray[numpy.complex64]:
    ...
def available_simd_levels() -> list[str]:
    """
    Names of the kernels this machine can run.
    """
def correntropy(images: numpy.typing.NDArray[numpy.float32], averages: numpy.typing.NDArray[numpy.float32], weights: numpy.typing.NDArray[numpy.float32], kernel_width: typing.SupportsFloat | typing.SupportsIndex, classes: numpy.typing.NDArray[numpy.int32], psi_rad: numpy.typing.NDArray[numpy.float64], shift_xy: numpy.typing.NDArray[numpy.float64], mirror: numpy.typing.NDArray[numpy.uint8], n_threads: typing.SupportsInt | typing.SupportsIndex) -> numpy.typing.NDArray[numpy.float32]:
    """
    Weighted mean of exp(-(P - J)^2 / (2 width^2)), (n_images, n_candidates).
    """
def gram_spectrum(members: numpy.typing.NDArray[numpy.float32], n_pairs: typing.SupportsInt | typing.SupportsIndex) -> tuple:
    ...
def gridding_correction(box_px: typing.SupportsInt | typing.SupportsIndex) -> numpy.typing.NDArray[numpy.float64]:
    ...
def leading_component(members: numpy.typing.NDArray[numpy.float32]) -> tuple:
    ...
def moved_images(block: ImageBlock, tiles: TileRange, shift_xy: numpy.typing.NDArray[numpy.float64], n_threads: typing.SupportsInt | typing.SupportsIndex) -> ImageBlock:
    ...
def normalise_images(images: numpy.typing.NDArray[numpy.float32], background: numpy.typing.NDArray[numpy.int64], mask: numpy.typing.NDArray[numpy.float32], rules: GreyRules) -> tuple:
    """
    Images on the scale of their background times the mask, and their flags.
    """
def patch_moments(images: numpy.typing.NDArray[numpy.float32], first: numpy.typing.NDArray[numpy.int64]) -> tuple:
    """
    Mean and variance of each patch of images, and which of them can be used.
    """
def refine(block: ImageBlock, tiles: TileRange, references: numpy.typing.NDArray[numpy.complex64], options: RefineOptions, chosen: numpy.typing.NDArray[numpy.int32], psi_rad: numpy.typing.NDArray[numpy.float64], shift_xy: numpy.typing.NDArray[numpy.float64], mirror: numpy.typing.NDArray[numpy.uint8]) -> tuple:
    ...
def search(block: ImageBlock, tiles: TileRange, references: numpy.typing.NDArray[numpy.complex64], shifts: numpy.typing.NDArray[numpy.float64], options: SearchOptions) -> tuple:
    ...
def search_chosen(block: ImageBlock, tiles: TileRange, references: numpy.typing.NDArray[numpy.complex64], shifts: numpy.typing.NDArray[numpy.float64], options: SearchOptions, chosen: numpy.typing.NDArray[numpy.int32]) -> tuple:
    ...
def set_simd_level(name: str) -> None:
    """
    Use other kernels from now on.
    """
def simd_level() -> str:
    """
    Name of the kernels in use.
    """
compiler: str
eigen_version: str
has_openmp: bool
version: str
