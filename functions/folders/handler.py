"""HTTP routes for folders: parse, delegate, present."""

from docplatform.core.actor import Actor, Permission
from docplatform.core.audit import Action
from docplatform.http.consequence import Consequence
from docplatform.http.request import Request
from docplatform.http.router import Router
from docplatform.http.schemas import Response
from docplatform.identity.wiring.authority import authority_of
from docplatform.library.folders import FolderService
from docplatform.library.wiring import folders

from .schemas import FolderChange, FolderListing, FolderPage, FolderView, FolderWithPath, NewFolder

api = Router(api_keys_allowed=True, authorities=authority_of)


@api.post(
    "/v1/folders",
    response=FolderView,
    status=201,
    permission=Permission.WRITE,
    use_case=FolderService.create,
    headers=("Idempotency-Key",),
    consequence=Consequence.CONTENT,
)
def create_folder(actor: Actor, body: NewFolder, request: Request) -> Response:
    """Create a folder. Without `parent_id` it stands in the root folder."""
    folder = folders(actor).create(body.name, body.parent_id, idempotency_key=request.idempotency_key)
    return Response(
        FolderView.model_validate(folder), {"Location": f"/v1/folders/{folder.id}", "ETag": f'"{folder.revision}"'}
    )


@api.get(
    "/v1/folders/{folder_id}",
    response=FolderWithPath,
    permission=Permission.READ,
    use_case=(FolderService.read, FolderService.path),
    audit_action=Action.FOLDER_READ,
)
def read_folder(actor: Actor, folder_id: str) -> Response:
    """A folder and the path to it. The root folder's id is `root`."""
    service = folders(actor)
    folder = service.read(folder_id)
    return Response(FolderWithPath.at(folder, service.path(folder)), {"ETag": f'"{folder.revision}"'})


@api.get(
    "/v1/folders/{folder_id}/children",
    response=FolderPage,
    permission=Permission.READ,
    use_case=FolderService.list,
)
def list_folder(actor: Actor, folder_id: str, query: FolderListing) -> FolderPage:
    """What is in a folder, a page at a time, in order of name (case does not matter), creation or change."""
    page = folders(actor).list(
        folder_id, query.order, descending=query.descending, limit=query.limit, cursor=query.cursor
    )
    return FolderPage.showing(page)


@api.patch(
    "/v1/folders/{folder_id}",
    response=FolderView,
    permission=Permission.WRITE,
    use_case=FolderService.change,
    headers=("If-Match",),
    consequence=Consequence.LASTING,
)
def change_folder(actor: Actor, folder_id: str, body: FolderChange, request: Request) -> Response:
    """Rename a folder, move it, or both at once, with everything in it."""
    folder = folders(actor).change(folder_id, name=body.name, parent_id=body.parent_id, if_revision=request.if_match)
    return Response(FolderView.model_validate(folder), {"ETag": f'"{folder.revision}"'})


@api.delete(
    "/v1/folders/{folder_id}",
    status=204,
    permission=Permission.DELETE,
    use_case=FolderService.delete,
    headers=("If-Match",),
    consequence=Consequence.LASTING,
)
def delete_folder(actor: Actor, folder_id: str, request: Request) -> None:
    """Delete an empty folder."""
    folders(actor).delete(folder_id, if_revision=request.if_match)


handler = api.handler
