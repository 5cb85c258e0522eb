"""The errors of tenancy.

Conflict ← SubdomainTaken
"""

from __future__ import annotations

from docplatform.core.errors import Conflict


class SubdomainTaken(Conflict):
    code, title = "subdomain_taken", "The subdomain is taken"
