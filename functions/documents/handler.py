"""HTTP routes for documents: parse, delegate, present."""

from docplatform.core.actor import Actor, Permission
from docplatform.http.consequence import Consequence
from docplatform.http.request import Request
from docplatform.http.router import Router
from docplatform.http.schemas import Response
from docplatform.identity.wiring.authority import authority_of
from docplatform.library.documents import DocumentService
from docplatform.library.model import Document
from docplatform.library.views import DocumentView, LinkView
from docplatform.library.wiring import documents
from docplatform.runtime.metrics import Metric, count

from .schemas import DocumentChange, DocumentWithUpload, NewDocument

api = Router(api_keys_allowed=True, authorities=authority_of)


def _etag(document: Document) -> dict[str, str]:
    return {"ETag": f'"{document.revision}"'}


@api.post(
    "/v1/documents",
    response=DocumentWithUpload,
    status=201,
    permission=Permission.WRITE,
    use_case=DocumentService.create,
    headers=("Idempotency-Key",),
    consequence=Consequence.CONTENT,
)
def create_document(actor: Actor, body: NewDocument, request: Request) -> Response:
    """Register a document and get the link to send its bytes to. Processing starts by itself when they have arrived."""
    document, link = documents(actor).create(
        body.name,
        body.folder_id,
        content_type=body.content_type,
        size=body.size,
        idempotency_key=request.idempotency_key,
    )
    count(Metric.UPLOADS_ANNOUNCED, by=actor.tenant.plan)
    view = DocumentWithUpload(document=DocumentView.model_validate(document), upload=LinkView.model_validate(link))
    return Response(view, {"Location": f"/v1/documents/{document.id}", **_etag(document)})


@api.post(
    "/v1/documents/{document_id}/upload",
    response=DocumentWithUpload,
    permission=Permission.WRITE,
    use_case=DocumentService.renew_upload,
    consequence=Consequence.CONTENT,
)
def renew_upload(actor: Actor, document_id: str) -> DocumentWithUpload:
    """A fresh upload link for a file that has not arrived yet."""
    document, link = documents(actor).renew_upload(document_id)
    return DocumentWithUpload(document=DocumentView.model_validate(document), upload=LinkView.model_validate(link))


@api.get(
    "/v1/documents/{document_id}",
    response=DocumentView,
    permission=Permission.READ,
    use_case=DocumentService.read,
)
def read_document(actor: Actor, document_id: str) -> Response:
    """A document, with the state and progress of its processing."""
    document = documents(actor).read(document_id)
    return Response(DocumentView.model_validate(document), _etag(document))


@api.patch(
    "/v1/documents/{document_id}",
    response=DocumentView,
    permission=Permission.WRITE,
    use_case=DocumentService.change,
    headers=("If-Match",),
    consequence=Consequence.LASTING,
)
def change_document(actor: Actor, document_id: str, body: DocumentChange, request: Request) -> Response:
    """Rename a document, move it, or both at once."""
    document = documents(actor).change(
        document_id, name=body.name, folder_id=body.folder_id, if_revision=request.if_match
    )
    return Response(DocumentView.model_validate(document), _etag(document))


@api.delete(
    "/v1/documents/{document_id}",
    status=204,
    permission=Permission.DELETE,
    use_case=DocumentService.delete,
    headers=("If-Match",),
    consequence=Consequence.LASTING,
)
def delete_document(actor: Actor, document_id: str, request: Request) -> None:
    """Delete a document. Its files and its search entry are erased within moments."""
    documents(actor).delete(document_id, if_revision=request.if_match)


@api.get(
    "/v1/documents/{document_id}/content",
    response=LinkView,
    permission=Permission.READ,
    use_case=DocumentService.download,
)
def download_document(actor: Actor, document_id: str) -> LinkView:
    """A link to download the file. The download begins within a minute; then it may take its time."""
    return LinkView.model_validate(documents(actor).download(document_id))


@api.get(
    "/v1/documents/{document_id}/preview",
    response=LinkView,
    permission=Permission.READ,
    use_case=DocumentService.preview,
)
def preview_document(actor: Actor, document_id: str) -> LinkView:
    """A link to a picture (WebP) of the first page, good for a minute."""
    return LinkView.model_validate(documents(actor).preview(document_id, "preview"))


@api.get(
    "/v1/documents/{document_id}/thumbnail",
    response=LinkView,
    permission=Permission.READ,
    use_case=DocumentService.preview,
)
def thumbnail_of_document(actor: Actor, document_id: str) -> LinkView:
    """A link to a small picture (WebP) of the first page, good for a minute."""
    return LinkView.model_validate(documents(actor).preview(document_id, "thumbnail"))


handler = api.handler
