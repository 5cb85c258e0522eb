"""The engines of DynamoDB that the adapters' contract tests run on.

A module with ``pytestmark = on_every_database`` runs on each: its tests are written once, and take the ``region`` of the
engine. DynamoDB Local is left out where Java and Maven are missing, with a word (``tests/engines/dynamodb``).
"""

from __future__ import annotations

import pytest

MOTO, DYNAMODB_LOCAL = "moto", "dynamodb-local"
ENGINES = [MOTO, pytest.param(DYNAMODB_LOCAL, marks=pytest.mark.engines)]

on_every_database = pytest.mark.every_database
