"""Read particles from stacks, tables and arrays; write stacks and tables."""

from __future__ import annotations

from cl2d.io.atomic import atomic_path
from cl2d.io.mrc import read_mrc_header, read_stack, write_stack
from cl2d.io.particle_table import ParticleTable, read_particle_table
from cl2d.io.particles_star import relion_table, write_particles_star
from cl2d.io.reference_images import open_references
from cl2d.io.source import ParticleSource, array_source, open_particles
from cl2d.io.spider import write_spider_stack
from cl2d.io.stack_header import StackHeader
from cl2d.io.star import StarBlock, read_star, write_star
from cl2d.io.xmd import write_xmd

__all__ = [
    "ParticleSource",
    "ParticleTable",
    "StackHeader",
    "StarBlock",
    "array_source",
    "atomic_path",
    "open_particles",
    "open_references",
    "read_mrc_header",
    "read_particle_table",
    "read_stack",
    "read_star",
    "relion_table",
    "write_particles_star",
    "write_spider_stack",
    "write_stack",
    "write_star",
    "write_xmd",
]
