"""Watches use cases and routes while the tests run. Each error that one of them raises must be declared by it, but for
the refusals of the caller's authority: the router declares them, and any call of a store may raise them."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from docplatform.core.errors import AddressRefused, DomainError, UseCase, raised_by
from docplatform.http.openapi import possible_errors
from docplatform.http.router import Route, Router
from docplatform.infra.dynamodb.authority import AuthorityEnded, AuthorityReduced
from docplatform.runtime.spec import Auth

_OF_AUTHORITY = (AuthorityEnded, AuthorityReduced, AddressRefused)


def watch(patch: pytest.MonkeyPatch) -> list[str]:
    """Returns the errors that were raised but not declared, each with its use case or route. It grows while the tests
    run."""
    undeclared: list[str] = []
    for owner, name, use_case in use_cases():
        patch.setattr(owner, name, watched_use_case(use_case, undeclared))
    for name in ("_answer", "_answer_actor"):
        patch.setattr(Router, name, watched_answer(getattr(Router, name), undeclared))
    return undeclared


def use_cases() -> Iterator[tuple[type, str, UseCase]]:
    """The use cases with a declaration, in the modules that the collected tests have imported."""
    modules = [module for name, module in sys.modules.items() if name.startswith("docplatform.")]
    owners = {each for module in modules for each in vars(module).values() if inspect.isclass(each)}
    for owner in owners:
        for name, member in list(vars(owner).items()):
            if inspect.isfunction(member) and "raises" in vars(member):
                yield owner, name, member


def watched_use_case(use_case: UseCase, undeclared: list[str]) -> UseCase:
    @functools.wraps(use_case)
    def watched(*given: Any, **named: Any) -> Any:
        try:
            return use_case(*given, **named)
        except DomainError as error:
            if type(error) not in (*raised_by(use_case), *_OF_AUTHORITY):
                undeclared.append(f"{use_case.__qualname__}: {type(error).__name__}")
            raise

    return watched


def watched_answer(answer: Any, undeclared: list[str]) -> Any:
    @functools.wraps(answer)
    def watched(router: Router, route: Route, *rest: Any) -> Any:
        try:
            return answer(router, route, *rest)
        except DomainError as error:
            auth = Auth.TENANT if "actor" in route.wants else Auth.PUBLIC
            if type(error) not in (*possible_errors(auth, route), *_OF_AUTHORITY):
                undeclared.append(f"{route.method} {route.path}: {type(error).__name__}")
            raise

    return watched
