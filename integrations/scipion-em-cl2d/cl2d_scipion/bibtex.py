"""
@article{Sorzano2010cl2d,
title = "A clustering approach to multireference alignment of single-particle projections in electron microscopy",
journal = "Journal of Structural Biology",
volume = "171",
number = "2",
pages = "197 - 206",
year = "2010",
doi = "10.1016/j.jsb.2010.03.011",
author = "C.O.S. Sorzano and J.R. Bilbao-Castro and Y. Shkolnisky and M. Alcorlo and R. Melero and G. Caffarena-Fernandez and M. Li and G. Xu and R. Marabini and J.M. Carazo",
}
"""  # noqa: E501 - Scipion reads the entries from here

from __future__ import annotations
