"""2-D classification by the program cl2d."""

from __future__ import annotations

import os
from typing import ClassVar

import numpy as np
from pwem.objects import Float, SetOfClasses2D, Transform
from pwem.protocols import ProtClassify2D
from pyworkflow.constants import BETA
from pyworkflow.protocol import STEPS_SERIAL, params

from cl2d_scipion import Plugin
from cl2d_scipion.convert import read_rows, transform_matrix, write_particles, write_references
from cl2d_scipion.form import add_options, value_of
from cl2d_scipion.options import problem_with, read_options, words_of

# Output, column that says who belongs to it, stack of its averages.
_OUTPUTS = (
    ("", None, "classes.mrcs"),
    ("_core", "cl2dIsCore", "classes_core.mrcs"),
    ("_stable_core", "cl2dIsStableCore", "classes_stable_core.mrcs"),
)
_SCORES = ("cl2dScore", "cl2dConfidence", "cl2dJunkZscore", "cl2dPcaZscore")


class Cl2dProtClassify2D(ProtClassify2D):
    """Classify particles in two dimensions with cl2d: exhaustive alignment, classes that are split
    level by level, and cores of members that can be trusted.
    """

    _label = "2D classification"
    _devStatus = BETA
    _possibleOutputs: ClassVar = {
        f"outputClasses{suffix}": SetOfClasses2D for suffix, _, _ in _OUTPUTS
    }

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.stepsExecutionMode = STEPS_SERIAL

    # ------------------------------------------------------------------ form and steps

    def _defineParams(self, form):
        form.addSection(label="Input")
        form.addParam(
            "inputParticles",
            params.PointerParam,
            pointerClass="SetOfParticles",
            important=True,
            label="Input particles",
        )
        form.addParam(
            "inputReferences",
            params.PointerParam,
            pointerClass="SetOfAverages,SetOfClasses2D",
            allowsNull=True,
            label="Averages to start from",
            help="They are the classes of the first level. Left empty: random classes.",
        )
        add_options(form)
        form.addParallelSection(threads=4, mpi=0)

    def _insertAllSteps(self):
        self._insertFunctionStep("convertInputStep")
        self._insertFunctionStep("classifyStep")
        self._insertFunctionStep("createOutputStep")

    def convertInputStep(self):
        write_particles(self._getExtraPath("particles.xmd"), self.inputParticles.get())
        if self.inputReferences.get() is not None:
            write_references(self._getExtraPath("references.xmd"), self.inputReferences.get())

    def classifyStep(self):
        words = ["classify", self._getExtraPath("particles.xmd"), "-o", self._out()]
        words += ["--overwrite", "--format", "none", "--threads", str(self.numberOfThreads.get())]
        if self.inputReferences.get() is not None:
            words += ["--references", self._getExtraPath("references.xmd")]
        for option in read_options():
            words += words_of(option, value_of(self, option))
        Plugin.runCl2d(self, words)

    def createOutputStep(self):
        for suffix, column, stack in _OUTPUTS:
            if os.path.exists(self._out(stack)):  # noqa: PTH110 - Scipion's paths are text
                self._create_classes(suffix, column, self._out(stack))

    def _create_classes(self, suffix, column, stack):
        classes = self._createSetOfClasses2D(self.inputParticles, suffix)
        pixel_size = self.inputParticles.get().getSamplingRate()
        classes.classifyItems(
            updateItemCallback=lambda item, row: _update_item(item, row, column, pixel_size),
            updateClassCallback=lambda item: _update_class(item, stack),
            itemDataIterator=read_rows(self._out("particles.star")),
        )
        self._defineOutputs(**{f"outputClasses{suffix}": classes})
        self._defineSourceRelation(self.inputParticles, classes)

    # ------------------------------------------------------------------ what people are told

    def _validate(self):
        problems = [problem_with(option, value_of(self, option)) for option in read_options()]
        return [problem for problem in problems if problem]

    def _summary(self):
        if not hasattr(self, "outputClasses"):
            return ["Output classes are not ready yet."]
        particles = self.inputParticles.get().getSize()
        return [f"{particles} particles in {len(self.outputClasses)} classes."]

    def _out(self, *parts):
        return self._getExtraPath("cl2d", *parts)


def _update_item(item, row, column, pixel_size):
    """Give a particle its class and pose; rows come in the order of the particles."""
    if int(row["itemId"]) != item.getObjId():
        message = f"particle {item.getObjId()} must have the next row, not {row['itemId']}"
        raise ValueError(message)
    number = int(row["rlnClassNumber"])
    if column is not None and row[column] != "1":
        number = 0
    item.setClassId(number)
    item._appendItem = number > 0
    item.setTransform(Transform(np.array(transform_matrix(row, pixel_size))))
    for name in _SCORES:
        if name in row:
            setattr(item, f"_{name}", Float(float(row[name])))


def _update_class(item, stack):
    item.setAlignment2D()
    item.getRepresentative().setLocation(item.getObjId(), stack)
