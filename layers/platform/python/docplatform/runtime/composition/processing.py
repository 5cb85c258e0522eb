"""The steps of processing, for one tenant."""

from __future__ import annotations

import tempfile
from pathlib import Path

from docplatform.adapters.malware_scan import GuardDutyScanner, SignatureScanner
from docplatform.domain.identity import Actor
from docplatform.runtime.composition.core import now
from docplatform.runtime.composition.library import files, library
from docplatform.runtime.settings import ScanSettings, load
from docplatform.services.processing import ProcessingService
from docplatform.services.subtrees import SubtreeService


def scratch() -> Path:
    """Lambda's /tmp: private to the environment, emptied by whoever writes there."""
    return Path(tempfile.gettempdir())


def processing(actor: Actor) -> ProcessingService:
    return ProcessingService(actor, library(actor), files(actor), now, scratch())


def subtrees(actor: Actor) -> SubtreeService:
    return SubtreeService(library(actor))


def scanner(actor: Actor) -> GuardDutyScanner | SignatureScanner:
    if load(ScanSettings).malware_scan == "guardduty":
        return GuardDutyScanner(files(actor))
    return SignatureScanner(files(actor), scratch())
