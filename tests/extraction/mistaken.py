"""Stands in for the parser process: the worker with an engine for texts that makes a mistake. The variable LANG says
which.

The mistakes are compiled as if they stood in the package, because an error is judged by the place that raises it.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from docplatform.extraction import worker
from docplatform.extraction.formats import text

MISTAKES = {
    "import_late": "try:\n    import wave\nexcept ImportError:\n    raise ValueError from None",
    "open_late": "open('/etc/hostname').read()",
    "confuse_types": "len(None)",
    "miss_an_attribute": "None.missing",
    "exit": "import os\nos._exit(3)",
    "meet_a_damaged_file": "raise csv.Error",
}


def mistaken(source: str) -> Callable[..., Any]:
    code = compile(source, str(Path(text.__file__)), "exec")

    def read(*_: object) -> Any:
        exec(code, {"csv": csv})

    return read


if __name__ == "__main__":
    text.PARSER_ERRORS = (Exception,)
    text.text = mistaken(MISTAKES[os.environ["LANG"]])
    worker.main()
