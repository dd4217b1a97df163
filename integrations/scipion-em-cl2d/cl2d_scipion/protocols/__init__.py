"""The protocols that Scipion finds."""

from __future__ import annotations

from cl2d_scipion.protocols.protocol_classify import Cl2dProtClassify2D

__all__ = ["Cl2dProtClassify2D"]
