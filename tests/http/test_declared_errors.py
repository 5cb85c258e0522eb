"""Errors are declared once, at the use case. Routes name their use cases, and a watch over all tests finds errors that
are not declared."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from typing import Any, get_type_hints

import pytest

from docplatform.core.errors import Conflict, InvalidName, NotFound, raised_by, raises
from docplatform.http.openapi import operations
from docplatform.http.router import Route, Router
from docplatform.http.schemas import Response
from tests.support import declared_errors
from tests.support.mocked_aws import ROOT

ROUTES = [route for _, _, route in operations(ROOT / "functions")]


class Shelf:
    @raises(NotFound)
    def read(self) -> str:
        raise NotFound("It is empty.")

    @raises(*raised_by(read), Conflict)
    def change(self) -> str:
        return self.read()

    @raises(Conflict)
    def hide(self) -> str:
        raise InvalidName("Nobody was told of this one.")


def shelf() -> Shelf:
    return Shelf()


def read_shelf() -> str:
    return shelf().read()


def api_with(call: Callable[[], object], **facts: Any) -> Router:
    api = Router()

    @api.get("/v1/shelf", **facts)
    def serve() -> Response:
        """Call the wanted use case."""
        call()
        return Response()

    return api


def asks(api: Router) -> int:
    event = {"httpMethod": "GET", "path": "/v1/shelf", "headers": {}, "requestContext": {"requestId": "r"}}
    status: int = api.handler(event, None)["statusCode"]
    return status


# -- a route's errors
def test_the_errors_of_a_route_are_those_of_its_use_cases_and_its_own() -> None:
    (route,) = api_with(shelf, use_case=(Shelf.read, Shelf.change), errors=(InvalidName,)).routes
    assert route.errors == (NotFound, Conflict, InvalidName)


def test_a_use_case_without_a_declaration_is_refused() -> None:
    (route,) = api_with(shelf, use_case=shelf).routes
    with pytest.raises(KeyError, match="raises"):
        _ = route.errors


# -- the routes that there are
@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_a_route_names_the_use_cases_that_its_handler_calls(route: Route) -> None:
    assert {each.__qualname__ for each in route.use_cases} == called_by(route.call)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_no_route_lists_by_hand_what_its_use_case_declares(route: Route) -> None:
    assert not set(route.handler_errors) & set(raised_by(*route.use_cases))


def called_by(handler: Callable[..., object]) -> set[str]:
    """The declared methods that a handler, or a function of its module that it calls, calls on an object of the wiring."""
    plain = inspect.unwrap(handler)
    tree = ast.parse(textwrap.dedent(inspect.getsource(plain)))
    names: dict[str, Any] = dict(vars(inspect.getmodule(plain)))
    beside = [
        names.get(node.func.id)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    ]
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            names[node.targets[0].id] = _made_by(node.value, names)
    calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    methods = [
        getattr(_made_by(each.value, names), each.attr, None) for each in calls if isinstance(each, ast.Attribute)
    ]
    found = {each.__qualname__ for each in methods if inspect.isfunction(each) and "raises" in vars(each)}
    helpers = [
        each
        for each in beside
        if inspect.isfunction(each) and each.__module__ == plain.__module__ and each is not plain
    ]
    return found.union(*map(called_by, helpers))


def _made_by(expression: ast.expr, names: dict[str, Any]) -> Any:
    """The class that a function's call returns or that a name stands for, else None."""
    if isinstance(expression, ast.Call):
        maker = _named(expression.func, names)
        return get_type_hints(maker).get("return") if inspect.isfunction(maker) else None
    return _named(expression, names)


def _named(expression: ast.expr, names: dict[str, Any]) -> Any:
    if isinstance(expression, ast.Attribute):
        return getattr(_named(expression.value, names), expression.attr, None)
    return names.get(expression.id) if isinstance(expression, ast.Name) else None


def test_what_a_handler_calls_is_found() -> None:
    def reads() -> None:
        shelf().read()

    def changes_later() -> None:
        kept = shelf()
        kept.change()
        reads()

    def reads_through_a_helper() -> None:
        read_shelf()

    assert called_by(reads) == called_by(reads_through_a_helper) == {"Shelf.read"}
    assert called_by(changes_later) == {"Shelf.change"}


def test_no_docstring_repeats_what_is_declared() -> None:
    use_cases = [use_case for _, _, use_case in declared_errors.use_cases()]
    assert {"DocumentService.change", "SsoService.finish", "TenantService.create"} <= {
        each.__qualname__ for each in use_cases
    }
    assert [each.__qualname__ for each in use_cases if "Raises" in (each.__doc__ or "")] == []


# -- the watch over all tests
@pytest.fixture
def watched() -> Any:
    """A separate watch, so that errors planted here do not count for the whole run."""
    with pytest.MonkeyPatch.context() as patch:
        yield declared_errors.watch(patch)


def test_an_error_that_a_route_does_not_declare_is_found(watched: list[str], undeclared_errors: list[str]) -> None:
    def fail() -> None:
        raise Conflict("Nobody declared it.")

    assert asks(api_with(fail)) == 409
    assert watched == undeclared_errors == ["GET /v1/shelf: Conflict"]
    undeclared_errors.clear()


def test_an_error_that_a_route_declares_is_none(watched: list[str]) -> None:
    assert asks(api_with(shelf().change, use_case=Shelf.change)) == 404
    assert watched == []


def test_an_error_that_a_use_case_does_not_declare_is_found() -> None:
    found: list[str] = []
    for use_case, error in ((Shelf.hide, InvalidName), (Shelf.change, NotFound)):
        with pytest.raises(error):
            declared_errors.watched_use_case(use_case, found)(shelf())
    assert found == ["Shelf.hide: InvalidName"]
