"""Scipion plugin: 2-D classification by cl2d, which runs in an environment of its own."""

from __future__ import annotations

import os
import shlex

import pwem
import pyworkflow.utils as pwutils

from cl2d_scipion.constants import (
    ACTIVATION_VARIABLE,
    CL2D_VERSION,
    DEFAULT_ACTIVATION,
    ENVIRONMENT,
    PYTHON_VERSION,
)

__version__ = "0.1.0"
_references = ["Sorzano2010cl2d"]
_logo = ""


class Plugin(pwem.Plugin):
    """What Scipion needs to know to install and start cl2d."""

    _supportedVersions = (CL2D_VERSION,)

    @classmethod
    def _defineVariables(cls):
        cls._defineVar(
            ACTIVATION_VARIABLE,
            DEFAULT_ACTIVATION,
            description="Command that makes the program cl2d available.",
        )

    @classmethod
    def getEnviron(cls):
        """Return the environment without Scipion's own Python packages."""
        environment = pwutils.Environ(os.environ)
        environment.pop("PYTHONPATH", None)
        return environment

    @classmethod
    def defineBinaries(cls, env):
        """Make a conda environment with cl2d in it: ``scipion installb cl2d``."""
        done = f"cl2d_{CL2D_VERSION}_installed"
        conda = cls.getCondaActivationCmd()
        steps = [
            f"{conda} conda create -y -n {ENVIRONMENT} python={PYTHON_VERSION}",
            f"conda activate {ENVIRONMENT}",
            f"python -m pip install cl2d=={CL2D_VERSION}",
            f"touch {done}",
        ]
        env.addPackage(
            "cl2d",
            version=CL2D_VERSION,
            tar="void.tgz",  # nothing to unpack
            commands=[(" && ".join(steps), done)],
            neededProgs=[] if conda else ["conda"],
            default=True,
            vars={"PATH": os.environ.get("PATH", "")},
        )

    @classmethod
    def runCl2d(cls, protocol, words):
        """Run the program with some words of a command line, as a job of a protocol."""
        activation = f"{cls.getCondaActivationCmd()} {cls.getVar(ACTIVATION_VARIABLE)}"
        protocol.runJob(f"{activation} && cl2d", shlex.join(words), env=cls.getEnviron())
