"""docplatform: an enterprise document-management platform.

On Lambda the garbage collector is off while a function is imported: what modules make stays, and searching it for garbage again and again
takes up to a fifth of a cold start. The first event turns it on (runtime/telemetry.py).
"""

import gc
import os

__version__ = "0.1.0"

if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
    gc.disable()
