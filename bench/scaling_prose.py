"""What `docs/scaling.md` says in words that no measurement changes."""

from __future__ import annotations

UNITS = {
    "task_seconds": ("processor time of a task that does nothing, Dask's scheduler included", "s"),
    "round_trip_seconds": ("one such task alone, there and back", "s"),
    "roll_call_seconds": ("asking the scheduler for its workers, for each worker", "s"),
    "roll_calls": ("such questions in an iteration", ""),
    "byte_seconds": ("a byte packed, sent, received and opened", "s"),
    "merge_byte_seconds": ("a byte of class sums, packed, opened and added by a worker", "s"),
    "sent_bytes_per_image": ("sent for an image in an iteration", "bytes"),
    "received_bytes_per_image": ("received for an image in an iteration", "bytes"),
    "sent_bytes_per_task": ("sent with a task beside that", "bytes"),
    "pack_seconds": ("what else messages take for an image in an iteration", "s"),
    "image_seconds": ("what levels do for an image in an iteration, of up to two million", "s"),
    "class_seconds": ("what levels do for a class in an iteration", "s"),
    "client_bytes_per_image": ("memory of this process for an image", "bytes"),
}
"""Words for what :class:`scaling_costs.ClusterCosts` has, and units."""

FIRST = """
How long a run takes on 1 to 1,000 workers of one thread, for 100,000 to 100 million particles.
Nobody has run cl2d on so many. What a block of images, a task and a byte cost was measured on
one machine; the rest is a simulation, event by event, of the messages and computations of a
run, with the parts that a run makes and the workers that hold them. This page is made by a
program:
"""
MODEL = """
The process that runs the program, in which Dask's scheduler is too, packs and sends tasks one
after the other; its connection takes them to the workers; each computes its parts in turn, at a
speed that differs from worker to worker by 10 % (standard deviation); results come back through
the same connection and are opened one after the other. References are passed on from worker to
worker; class sums are merged by workers, eight at a time. Files are read through one file
system of 2 GB/s. The network has 10 Gbit/s for each machine and 0.1 ms for a message, unless
said otherwise. A run has {classes} classes, a box of 64 px unless said otherwise, and all
iterations that default options allow: real runs make fewer, on one thread and on many. Speed-up
is against one thread without workers.
"""
CHECKED = """
Measured on this machine, whose two processors other programs use, too: assignments on workers,
and reading and levels of whole runs, whose iterations the model was told. Prediction errors
have many causes here: other load, two workers and the process itself on two processors, and
work on single classes that differs from run to run.
"""
NOT_CHECKED = (
    "More than two workers, and a network: no other machine was at hand. How long Dask's "
    "scheduler takes for a task is that of few tasks and workers; what it does for a "
    "thousand connections (heartbeats, events) is not in the model.",
    "Costs for each image are taken to grow with their number as between 16,384 and "
    "65,536 images; arrays of 100 million no longer fit in a cache.",
    "Threads of a worker share its work without loss in the model.",
    "Half-sets, the aligning of rejected images and the writing of files are left out.",
    "Files of one file system: that 1,000 readers get its bandwidth is for its owner to say.",
    "Workers that are lost or late, and parts that are moved to faster ones.",
)
WHAT_WOULD_HELP = {
    "Dask's tasks": (
        "fewer tasks for classes one by one, and tasks that Dask has done with sooner"
    ),
    "messages packed": ("fewer bytes for an image in an iteration"),
    "level loop": (
        "work on poses and labels that the process does alone going to workers, or to its threads"
    ),
    "network": ("a faster network, or fewer bytes for an image"),
    "latency": ("fewer steps that wait for each other"),
    "reading": ("a faster file system, or images on the disks of the workers"),
    "this process alone": (
        "sampled iterations and averages on workers, or `--threads` for the process"
    ),
    "computing": (
        "parts that are smaller at the end of a pass: workers wait for the slowest, and "
        "images are dealt in blocks of 4096"
    ),
}
WAITED = """
What a run waits for most is what would save the most time if it cost nothing. Efficiency is
speed-up over workers.
"""
FORMULA = """
Beside the simulation stands a formula: the sum of computing over workers, tasks, bytes and
latencies, as if nothing were done at a time with anything else. Simulation over formula, for
the first of these tables:
"""
HALF = """
The most workers of which at least half the time is not lost (box of 64 px):
"""
MESSAGES = """
Messages and processor time of the process that runs the program, with one worker; bytes and
times for an image are differences between runs of 16,384 and 65,536 images:
"""
WHY = """
Why: the process that runs the program does something for each image in an iteration, which
bounds its speed-up whatever the number of workers (*by images*). And it does something for each
task, of which each worker has two in an iteration: an iteration takes a / w + b w on w workers, and
is quickest, with half of the time lost, at the number given. Iterations are fast searches for
64 classes. *Readers* are the workers that together read as fast as the file system gives; more
of them read no faster.
"""
PHASES = """
Seconds of each phase on {workers} workers (64 px, 10 Gbit/s), and after the comma what they would
be if each of the workers did its share and nothing else took time:
"""
