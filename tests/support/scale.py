"""The amount and the seed of tests with generated input: a small amount each day, more in ``./dp test --long``."""

import os

SEED = int(os.environ.get("DOCPLATFORM_SEED", "0"))
SCALE = int(os.environ.get("DOCPLATFORM_SCALE", "1"))
"""How many times the daily amount."""
SEEDS = range(SEED * 1000, SEED * 1000 + SCALE)
"""Seeds of the batches of a test that works in batches: one each day."""
