"""After a restore by SnapStart: libraries that use ``random``, such as botocore for its retries, begin anew in each environment
(docs.aws.amazon.com/lambda/latest/dg/snapstart-runtime-hooks-python.html)."""

from __future__ import annotations

import random
from contextlib import suppress
from importlib import import_module


def reseed_after_restore() -> None:
    """Lambda's runtime has the hooks; nothing else has."""
    with suppress(ImportError):
        import_module("snapshot_restore_py").register_after_restore(random.seed)
