"""Classification as an estimator, with the manners of scikit-learn and without needing it."""

from __future__ import annotations

import dataclasses
import math
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from cl2d.errors import InputError
from cl2d.options import ClassifyOptions
from cl2d.pipeline.assign import assign
from cl2d.pipeline.classify import classify
from cl2d.pipeline.fitted_classes import fitted_classes

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from cl2d.pipeline import Classification, FittedClasses
    from cl2d.results import LevelResult, Poses


@dataclass(repr=False, eq=False)
class CL2D:
    """2-D classes of particle images, as an estimator.

    ``CL2D(n_classes=16, random_state=0).fit(images)`` finds the classes, ``predict(new_images)``
    puts other images into them. It follows the conventions of scikit-learn (``get_params``, clone,
    pickle, a place in a ``Pipeline`` or a ``GridSearchCV``) but does not need it installed. Nothing
    is written; :func:`cl2d.classify` does the same work and can write a run.

    Parameters are those of ``cl2d classify`` by the same names, and (``cl2d schema`` lists all with
    unit, range and meaning):

    Parameters
    ----------
    n_classes : int or "auto"
        Number of classes, or "auto": as many as the images surely tell apart.
    pixel_size_angstrom : float, optional
        Pixel size of images given as an array; files bring their own.
    random_state : int, numpy Generator or RandomState, or None
        Where random choices come from. None: new ones at every fit.
    on_event : callable, optional
        Called with the records of :mod:`cl2d.events` while fitting, for a display of progress.

    Attributes
    ----------
    labels_ : (n,) int32
        Class of each image, from 0, largest class first; -1 for one that cannot be used.
    class_averages_ : (n_classes_, box, box) float32
        Averages of the members as given, moved by their poses.
    n_classes_ : int, the number of classes delivered
    class_sizes_ : (n_classes_,) int64
    poses_ : Poses of the images in their classes
    scores_ : (n,) float32, normalised correlation with the own class
    confidence_ : (n,) float32, probability that the class is the right one
    core_mask_, stable_core_mask_ : (n,) bool
        Members to be trusted, and those that also stayed together; only with ``core=True`` and
        ``stable_core=True``.
    levels_ : tuple of LevelResult, the hierarchy from the first level to the last
    warnings_ : tuple of str

    Notes
    -----
    Images are an (n, box, box) array (``numpy.memmap`` and other lazy arrays are read in blocks),
    an (n, box * box) array of flattened images, the name of a .star, .xmd or stack file, or a
    ParticleSource.

    Examples
    --------
    >>> import numpy as np
    >>> from cl2d import CL2D
    >>> images = np.random.default_rng(0).normal(size=(40, 32, 32))
    >>> model = CL2D(n_classes=2, iterations=2, random_state=0).fit(images)
    >>> model.class_averages_.shape
    (2, 32, 32)
    >>> model.predict(images[:3]).shape
    (3,)
    """

    n_classes: int | Literal["auto"] = 64
    initial_classes: int = 4
    max_classes: int | None = None
    iterations: int = 10
    pixel_size_angstrom: float | None = None
    max_shift_px: float | None = None
    max_shift_angstrom: float | None = None
    mirrors: bool = True
    mask_diameter_px: float | None = None
    mask_diameter_angstrom: float | None = None
    resolution_angstrom: float | None = None
    ctf: Literal["none", "flip", "full"] | None = None
    whiten: bool = True
    search: Literal["exhaustive", "fast"] = "exhaustive"
    similarity: Literal["likelihood", "correlation", "correntropy"] = "likelihood"
    clustering: Literal["classical", "robust"] = "classical"
    split_by: Literal["component", "fit", "better"] = "component"
    exchange: bool = True
    settle: bool = True
    references: str | None = None
    images_per_class: int = 2000
    min_change_percent: float = 0.5
    min_class_percent: float = 20.0
    allow_fewer: bool = False
    core: bool = True
    junk_zscore: float = 3.0
    pca_zscore: float = 3.0
    stable_core: bool = True
    tolerance: int = 1
    threads: int | None = None
    max_memory: str | None = None
    storage: Literal["auto", "single", "half", "scratch"] = "auto"
    scratch_dir: str | None = None
    random_state: Any = 0
    on_event: Callable[[object], None] | None = None

    def fit(self, X: Any, y: Any = None) -> CL2D:  # noqa: ARG002 - scikit-learn's names
        """Find the classes of images; return the estimator itself.

        Parameters
        ----------
        X : (n, box, box) or (n, box * box) array, path or ParticleSource
        y : ignored

        Raises
        ------
        InputError
            If a parameter or the images cannot be used.
        """
        result = classify(
            images_of(X),
            pixel_size_angstrom=self.pixel_size_angstrom,
            on_event=self.on_event,
            seed=_seed(self.random_state),
            evaluate=False,
            **self._options(),
        )
        self._keep(result)
        return self

    def fit_predict(self, X: Any, y: Any = None) -> npt.NDArray[np.int32]:
        """Find the classes of images and return the class of each, from 0."""
        return self.fit(X, y).labels_

    def predict(self, X: Any) -> npt.NDArray[np.int32]:
        """Return the class of each of some images, from 0; -1 for one that cannot be used.

        Raises
        ------
        InputError
            If nothing was fitted yet, or the images do not fit those that were.
        """
        return self._assigned(X).labels

    def score(self, X: Any, y: Any = None) -> float:  # noqa: ARG002
        """Return the mean correlation of some images with their classes; more is better."""
        found = self._assigned(X)
        used = found.labels >= 0
        return float(found.scores[used].mean(dtype=np.float64)) if used.any() else math.nan

    def get_params(self, deep: bool = True) -> dict[str, Any]:  # noqa: ARG002
        """Return the parameters by name. There are none within others, so ``deep`` is nothing."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}

    def set_params(self, **params: Any) -> CL2D:
        """Set parameters by name; return the estimator itself.

        Raises
        ------
        InputError
            If there is no such parameter.
        """
        known = [field.name for field in dataclasses.fields(self)]
        for name, value in params.items():
            if name not in known:
                message = f"a parameter of CL2D must be one of {', '.join(known)}, not {name!r}"
                raise InputError(message)
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        """Return how to make it: the parameters that differ from their defaults."""
        return f"CL2D({', '.join(f'{k}={v!r}' for k, v in self._changed().items())})"

    def __sklearn_is_fitted__(self) -> bool:
        """Whether there are classes."""
        return hasattr(self, "labels_")

    def __sklearn_tags__(self) -> Any:
        """Return what scikit-learn asks of an estimator: a clusterer of images."""
        from sklearn import utils  # noqa: PLC0415 - called by scikit-learn alone

        return utils.Tags(
            estimator_type="clusterer",
            target_tags=utils.TargetTags(required=False),
            input_tags=utils.InputTags(three_d_array=True, allow_nan=True),
        )

    def _changed(self) -> dict[str, Any]:
        fields = dataclasses.fields(self)
        return {f.name: getattr(self, f.name) for f in fields if _differs(f, getattr(self, f.name))}

    def _options(self) -> dict[str, Any]:
        known = ClassifyOptions().to_flat()
        return {name: value for name, value in self._changed().items() if name in known}

    def _keep(self, result: Classification) -> None:
        """Take over what was found, and not the images."""
        self.labels_: npt.NDArray[np.int32] = result.labels
        self.class_averages_: npt.NDArray[np.float32] = result.averages
        self.n_classes_: int = result.n_classes
        self.class_sizes_: npt.NDArray[np.int64] = result.levels[-1].class_sizes()
        self.poses_: Poses = result.poses
        self.scores_: npt.NDArray[np.float32] = result.scores
        self.confidence_: npt.NDArray[np.float32] = result.confidence
        self.levels_: tuple[LevelResult, ...] = result.levels
        self.warnings_: tuple[str, ...] = result.warnings
        for name in ("core_mask_", "stable_core_mask_"):
            if hasattr(self, name):
                delattr(self, name)
        if result.cores:
            self.core_mask_: npt.NDArray[np.bool_] = result.cores[-1].is_core
            if result.cores[-1].is_stable_core is not None:
                self.stable_core_mask_: npt.NDArray[np.bool_] = result.cores[-1].is_stable_core
        self._classes: FittedClasses = fitted_classes(result)

    def _assigned(self, images: Any) -> Classification:
        if not self.__sklearn_is_fitted__():
            message = "CL2D must be fitted before it can tell the classes of other images"
            raise InputError(message)
        return assign(self._classes, images_of(images), threads=self.threads)


def images_of(images: Any) -> Any:
    """Return what :func:`cl2d.classify` takes: flattened images as squares, lists as arrays.

    Raises
    ------
    InputError
        If the length of a flattened image is not the square of a whole number.
    """
    if isinstance(images, (list, tuple)):
        images = np.asarray(images)
    if isinstance(images, (str, os.PathLike)) or getattr(images, "ndim", 3) != 2:
        return images
    n_pixels = images.shape[1]
    box = math.isqrt(n_pixels)
    if box * box != n_pixels:
        message = (
            "images in rows must have as many columns as a square of pixels, (n, box * box), not "
            f"{n_pixels}"
        )
        raise InputError(message)
    return np.asarray(images).reshape(len(images), box, box)


def _differs(field: dataclasses.Field[Any], value: Any) -> bool:
    return not (value is field.default or (value == field.default) is True)


def _seed(random_state: Any) -> int:
    """Return a seed: the number itself, or one drawn from a generator or from the system."""
    most = 2**31 - 1
    if random_state is None:
        return int(np.random.default_rng().integers(most))
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(most))
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(most))
    if isinstance(random_state, (int, np.integer)) and not isinstance(random_state, bool):
        return int(random_state)
    message = (
        "random_state must be a whole number, a numpy generator or None, not "
        f"{type(random_state).__name__}"
    )
    raise TypeError(message)
