"""The limits that the parser process sets for itself before it reads a file: memory, time, files, sockets, processes.

A process cannot raise a hard limit again (setrlimit(2)). With a limit of zero new descriptors, opening a file or a
socket fails (EMFILE), even if a hostile file has taken over the process. Only two descriptors stay usable: the file to
read and the pipe for the answer.
"""

from __future__ import annotations

import math
import resource
import signal

_CODE_AND_LIBRARIES = 512 * 1024 * 1024  # address space that holds no data of the file


def apply_limits(*, seconds: float, memory: int) -> None:
    """Limit this process to ``seconds`` of processor and of wall-clock time, and to ``memory`` bytes. This cannot be
    undone."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    processor = math.ceil(usage.ru_utime + usage.ru_stime + seconds)
    signal.alarm(math.ceil(seconds) + 2)  # in case the parent is gone; otherwise the parent ends it sooner
    _lower(resource.RLIMIT_CPU, processor, processor + 1)
    _lower(resource.RLIMIT_DATA, memory, memory)
    _lower(resource.RLIMIT_AS, memory + _CODE_AND_LIBRARIES, memory + _CODE_AND_LIBRARIES)
    _lower(resource.RLIMIT_CORE, 0, 0)
    _lower(resource.RLIMIT_FSIZE, 0, 0)
    _lower(resource.RLIMIT_NPROC, 0, 0)
    _lower(resource.RLIMIT_NOFILE, 0, 0)


def _lower(which: int, soft: int, hard: int) -> None:
    ceiling = resource.getrlimit(which)[1]
    if ceiling != resource.RLIM_INFINITY:
        soft, hard = min(soft, ceiling), min(hard, ceiling)
    resource.setrlimit(which, (soft, hard))
