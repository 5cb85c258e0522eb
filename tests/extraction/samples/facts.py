"""What the files made here say of themselves, where their format can."""

from __future__ import annotations

WORD = "heliotrope"
TITLE, AUTHOR, CREATED = "Supply agreement", "Ann Example", "2024-03-05T10:20:30Z"
