"""Builds the steps of processing for one tenant."""

from __future__ import annotations

from collections.abc import Callable

from docplatform.core.actor import Actor
from docplatform.core.time import now
from docplatform.infra.credentials import own_client
from docplatform.infra.queues import SqsQueues
from docplatform.library.wiring import files, library
from docplatform.processing.adapters.file_opener import LambdaFileOpener
from docplatform.processing.adapters.malware_scan import GuardDutyScanner
from docplatform.processing.erasures import ErasureService
from docplatform.processing.missed_uploads import MissedUploads
from docplatform.processing.pipeline import ProcessingService
from docplatform.processing.ports import SearchEntries
from docplatform.processing.scan_results import ScanResults
from docplatform.runtime.settings import FileStepSettings, IngestionSettings, StorageSettings, load

_OPENING = 190  # seconds: longer than the function that opens files may run


def processing(actor: Actor) -> ProcessingService:
    return ProcessingService(actor, library(actor), files(actor), now)


def file_opener(actor: Actor) -> LambdaFileOpener:
    """The function that opens untrusted files, with links to this tenant's."""
    client = own_client("lambda", read_timeout=_OPENING)
    return LambdaFileOpener(client, load(FileStepSettings).file_opener_function, files(actor))


def erasures(actor: Actor, index: Callable[[], SearchEntries]) -> ErasureService:
    """``index``: the search entries of the actor's tenant."""
    steps = processing(actor)
    return ErasureService(actor, library(actor), index, lambda document_id: steps.erase(document_id, index()), now)


def scan_results(actor: Actor) -> ScanResults:
    queue_url = load(IngestionSettings).queue_urls[actor.tenant.plan.value]
    return ScanResults(actor, library(actor), SqsQueues(own_client("sqs")), queue_url, now)


def missed_uploads(actor: Actor) -> MissedUploads:
    stored = files(actor)
    bucket = load(StorageSettings).documents_bucket
    scanner = GuardDutyScanner(own_client("guardduty"), bucket, stored, actor.tenant.id)
    return MissedUploads(actor.tenant, library(actor), stored, scanner, scan_results(actor), now)
