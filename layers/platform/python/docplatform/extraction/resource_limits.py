"""What the parser process gives up before it looks at a file: memory, time, files, sockets and other processes.

A limit that is lowered stays lowered (setrlimit(2)). With no descriptor to spare, opening a file or a socket fails
(EMFILE), whatever the code in the process has become: it is left with the file it reads and the pipe it answers on.
"""

from __future__ import annotations

import math
import resource
import signal

_CODE_AND_LIBRARIES = 512 * 1024 * 1024  # address space that holds no data of the file


def apply_limits(*, seconds: float, memory: int) -> None:
    """Leaves this process ``seconds`` of processor and wall-clock time, and ``memory`` bytes in all. For good."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    processor = math.ceil(usage.ru_utime + usage.ru_stime + seconds)
    signal.alarm(math.ceil(seconds) + 2)  # the parent is there to end it sooner; this is for when the parent is gone
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
