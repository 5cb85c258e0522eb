"""Errors of the control plane.

Unavailable ← CollectionNotMade
"""

from __future__ import annotations

from docplatform.core.errors import Unavailable


class CollectionNotMade(Unavailable):
    code, title = "collection_not_made", "The tenant's search collection could not be made"
