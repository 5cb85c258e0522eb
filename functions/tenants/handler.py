"""HTTP routes for platform operators (SigV4): parse, delegate, present."""

from docplatform.control_plane.onboarding import TenantService
from docplatform.control_plane.wiring import tenants
from docplatform.http.request import Request
from docplatform.http.router import Router
from docplatform.http.schemas import Response
from docplatform.runtime.tenant_resolution import address_of

from .schemas import NewTenant, TenantView

api = Router()


@api.post(
    "/operator/v1/tenants",
    response=TenantView,
    status=201,
    use_case=TenantService.create,
)
def create_tenant(body: NewTenant, request: Request) -> Response:
    """Create a tenant in this region and invite its first admin by mail. A call that broke off is finished by repeating it."""
    service = tenants(request.operator, request.id)
    tenant = service.create(subdomain=body.subdomain, name=body.name, plan=body.plan, admin_email=body.admin_email)
    return Response(TenantView.of(tenant, address_of(tenant)), {"Location": f"/operator/v1/tenants/{tenant.id}"})


@api.get("/operator/v1/tenants/{tenant_id}", response=TenantView, use_case=TenantService.read)
def read_tenant(tenant_id: str, request: Request) -> TenantView:
    """What the registry knows of a tenant."""
    tenant = tenants(request.operator, request.id).read(tenant_id)
    return TenantView.of(tenant, address_of(tenant))


handler = api.handler
