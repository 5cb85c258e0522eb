"""The metadata of the samples, for formats that have metadata."""

from __future__ import annotations

WORD = "heliotrope"
TITLE, AUTHOR, CREATED = "Supply agreement", "Ann Example", "2024-03-05T10:20:30Z"
