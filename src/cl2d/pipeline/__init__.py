"""The whole job in one call: particles in, classes out."""

from __future__ import annotations

from cl2d.pipeline.classification import Classification
from cl2d.pipeline.classify import classify

__all__ = ["Classification", "classify"]
