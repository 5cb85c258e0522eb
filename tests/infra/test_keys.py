"""The exact keys of items. A changed key would make stored items unreachable."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

import docplatform
from docplatform.api_keys.adapters.keys import ApiKeyKeys
from docplatform.directory.adapters.keys import DirectoryKeys
from docplatform.identity.adapters.keys import IdentityKeys
from docplatform.infra.dynamodb.keys import Key, TenantKeys
from docplatform.library.adapters.keys import LibraryKeys
from docplatform.realtime.adapters.keys import RealtimeKeys
from docplatform.sso.adapters.keys import SsoKeys
from docplatform.tenancy.adapters.keys import TenancyKeys
from tests.support.key_shapes import (
    TENANT,
    Shape,
    all_shapes,
    clashes,
    keys_classes,
    methods,
    shapes,
    shared_partitions,
    without_tenant,
)

PACKAGE = Path(docplatform.__file__).parent
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
DOCUMENT, FOLDER = "doc_01jm0000000000000000000000", "fld_01jm0000000000000000000000"
ANN = "b759382850d65342f8994576b7d68f610381856dc6f89887b4474a2dbfbe8bd7"  # SHA-256 of ann@acme.example

# These partitions are shared on purpose: code that ends a user or session finds all its items in one partition.
SHARED = {"user#<>": {"identity", "directory"}, "session#<>": {"identity", "realtime"}}

# Method, arguments, partition key after the tenant's prefix, sort key. Without a sort key it is a partition, of a table or an index.
EXAMPLES: dict[type[TenantKeys], list[tuple[str, tuple[object, ...], str, str]]] = {
    TenantKeys: [
        (
            "idempotency",
            ("usr_1", "order-1"),
            "idempotency#usr_1",
            "0bafe22156d2698c143b86040446d366ead863ba600d5c924f3d15c786ef4057",
        ),
        ("audit", (AT, "01JABC"), "2026-03-01#11", "01JABC"),
        ("audit_shard", (AT, 7), "2026-03-01#07", ""),
    ],
    TenancyKeys: [
        ("tenant", (), "tenant", "tenant"),
        ("usage", (), "usage", "usage"),
        ("usage_shard", (7,), "usage#07", "usage"),
    ],
    IdentityKeys: [
        ("user", ("usr_1",), "user#usr_1", "profile"),
        ("users", (), "users", ""),
        ("email", ("ann@acme.example",), f"email#{ANN}", "email"),
        ("invitation", ("f00d",), "invitation#f00d", "invitation"),
        ("group", ("grp_1",), "group#grp_1", "group"),
        ("credential", ("usr_1",), "user#usr_1", "credential"),
        ("factors", ("usr_1",), "user#usr_1", "factors"),
        ("passkey", ("abc",), "passkey#ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", "passkey"),
        ("devices", ("usr_1",), "user#usr_1", "devices"),
        ("reset", ("usr_1",), "user#usr_1", "reset"),
        ("challenge", ("f00d",), "challenge#f00d", "challenge"),
        ("security_settings", (), "security", "settings"),
        ("session", ("ses_1",), "session#ses_1", "session"),
        ("sessions_of", ("usr_1",), "sessions#usr_1", ""),
        (
            "requests",
            ("sso-login", "tenant", 7),
            "requests#sso-login#" + hashlib.sha256(b"tenant").hexdigest(),
            "0000000007",
        ),
        ("device", ("usr_1", "f00d"), "user#usr_1", "device#f00d"),
        ("api_key", ("key_1",), "api-key#key_1", "api-key"),
        ("api_keys_of", ("usr_1",), "api-keys#usr_1", ""),
        ("attempt_count", ("ann@acme.example",), f"attempts#account#{ANN}", "tally"),
        (
            "source_failures",
            ("192.0.2.1", 1_966_000),
            "attempts#source#37fcff24bf62035b2b08020afc08b4fecd4fcffce57ab23518e3561ff0fe76b9",
            "0001966000",
        ),
        ("tenant_failures", (1_966_000,), "attempts#tenant", "0001966000"),
    ],
    LibraryKeys: [
        ("document", (DOCUMENT,), f"doc#{DOCUMENT}", "doc"),
        ("version", (DOCUMENT, 12), f"doc#{DOCUMENT}", "version#000012"),
        ("folder", (FOLDER,), f"folder#{FOLDER}", "folder"),
        ("name", (FOLDER, "Straße \u2764\ufe0f"), f"folder#{FOLDER}", "name#strasse \u2764"),
        ("former_name", (FOLDER, "Straße \u2764\ufe0f"), f"folder#{FOLDER}", "name#strasse \u2764\ufe0f"),
        ("of_child", (DOCUMENT,), f"doc#{DOCUMENT}", "doc"),
        ("of_child", (FOLDER,), f"folder#{FOLDER}", "folder"),
        ("children", (FOLDER,), f"children#{FOLDER}", ""),
        ("awaited_uploads", (), "awaited-uploads", ""),
        ("erasure", (DOCUMENT,), "erasures", DOCUMENT),
        ("erasures", (), "erasures", ""),
        ("granted", ("user:usr_1",), "granted#user:usr_1", "granted"),
        ("reindex", (FOLDER,), f"reindex#{FOLDER}", "reindex"),
    ],
    DirectoryKeys: [
        ("groups", (), "groups", ""),
        (
            "former_group_name",
            ("Sales",),
            "group-name#e04eb29020eaa961e99d3162635e9fe9585c5a1121bd88784c1378aa8837195c",
            "group-name",
        ),
        (
            "group_name",
            ("Sales",),
            "group-name#e04eb29020eaa961e99d3162635e9fe9585c5a1121bd88784c1378aa8837195c",
            "group-name",
        ),
        ("member", ("grp_1", "usr_1"), "members", "grp_1#usr_1"),
        ("members", (), "members", ""),
        ("directory", ("usr_1",), "user#usr_1", "directory"),
        (
            "user_name",
            ("Ann",),
            "user-name#49915e0d7d4b402e3017d010bc1c0e83cac6c797d6c16e66340fe3268693a6a1",
            "user-name",
        ),
    ],
    SsoKeys: [
        ("connection", (), "sso", "connection"),
        ("health", (), "sso", "health"),
        ("attempt", ("f00d",), "sso-attempt#f00d", "attempt"),
        (
            "subject",
            ("https://idp.example", "ann"),
            "sso-subject#11401356190fa382cfd791356cc8d2a306267a8960d0f5f784d4415bfe43b931",
            "subject",
        ),
        (
            "assertion",
            ("https://idp.example", "a-1"),
            "sso-assertion#e8b008f06124150b877206ed3e23a5cec9547cfea39f333917b60a7dd81c04cd",
            "assertion",
        ),
        ("subject_of_hash", ("f00d",), "sso-subject#f00d", "subject"),
        (
            "account",
            ("usr_1", "https://idp.example"),
            "sso-account#usr_1",
            "512a336b79b57eb3ade003f3f510bcac23fa4b0f0b964d02d92aa005d06b91c6",
        ),
        ("unlisted_links", (), "sso", "unlisted-links"),
        ("conflicts", (), "sso-conflicts", ""),
        (
            "conflict",
            ("usr_1", "https://idp.example", "ann"),
            "sso-conflicts",
            "usr_1#11401356190fa382cfd791356cc8d2a306267a8960d0f5f784d4415bfe43b931",
        ),
        ("conflict_mail", (), "sso", "conflict-mail"),
    ],
    RealtimeKeys: [
        ("connection", ("ses_1", "con_1"), "session#ses_1", "live#con_1"),
        ("user_connection", ("usr_1", "ses_1", "con_1"), "live#usr_1", "ses_1#con_1"),
        ("connections_of", ("usr_1",), "live#usr_1", ""),
        ("ticket", ("f00d",), "live-ticket#f00d", "live-ticket"),
    ],
    ApiKeyKeys: [
        ("service_accounts", (), "service-accounts", ""),
    ],
}


@pytest.mark.parametrize(
    ("keys", "method", "arguments", "partition", "sort"),
    [(keys, *example) for keys, examples in EXAMPLES.items() for example in examples],
    ids=lambda each: getattr(each, "__name__", None),
)
def test_a_key_is_to_the_letter(
    keys: type[TenantKeys], method: str, arguments: tuple[object, ...], partition: str, sort: str
) -> None:
    pk = f"{TENANT}#{partition}"
    assert getattr(keys(TENANT), method)(*arguments) == (Key(pk, sort) if sort else pk)


def test_every_key_has_an_example() -> None:
    shown = {keys: {method for method, *_ in examples} for keys, examples in EXAMPLES.items()}
    assert shown == {keys: methods(keys) for keys in keys_classes()}


def test_keys_stand_in_the_adapters_of_their_capability() -> None:
    with_keys = {file for file in PACKAGE.rglob("*.py") if re.search(r"^class \w+\(.*Keys\b", file.read_text(), re.M)}
    assert with_keys == {PACKAGE / f"{keys.__module__.split('.')[1]}/adapters/keys.py" for keys in keys_classes()[1:]}


def test_no_two_capabilities_make_the_same_key() -> None:
    assert clashes(all_shapes()) == []


def test_a_partition_of_several_capabilities_is_one_on_purpose() -> None:
    assert shared_partitions(all_shapes()) == SHARED


def test_every_key_begins_with_its_tenant() -> None:
    assert without_tenant(all_shapes()) == []


def test_a_capability_replaces_no_key_of_the_ground() -> None:
    assert {keys for keys in keys_classes()[1:] if methods(keys) & methods(TenantKeys)} == set()


# -- what these tests refuse
class Planted(TenantKeys):
    """Keys that were added without a look at other capabilities."""

    def document(self, document_id: str) -> Key:
        return Key(f"{self._prefix}doc#{document_id}", "doc")

    def sales(self, year: int) -> Key:
        return Key(f"{self._prefix}sales#{year}", "sales")


class SameKey(Planted):
    def profile(self, user_id: str) -> Key:
        return Key(f"{self._prefix}user#{user_id}", "profile")


class SamePartition(Planted):
    def members(self) -> str:
        return f"{self._prefix}members"


class Wider(Planted):
    """A key with an argument in the place where identity has the word ``tenant``."""

    def attempt(self, what: str, at: str) -> Key:
        return Key(f"{self._prefix}attempts#{what}", at)


class Longer(Planted):
    """A sort key that is also a name with a ``#`` in it."""

    def named(self, folder_id: str, name: str) -> Key:
        return Key(f"{self._prefix}folder#{folder_id}", f"name#old#{name}")


class Beside(Planted):
    def photo(self, user_id: str) -> Key:
        return Key(f"{self._prefix}user#{user_id}", "photo")


class NoTenant(Planted):
    def everybody(self) -> str:
        return "users"


def planted(keys: type[Planted], method: str) -> list[Shape]:
    """The key classes of the package, and one of another capability."""
    more = (replace(each, owner="planted") for each in shapes(keys) if each.method.endswith(f".{method}"))
    return [*all_shapes(), *more]


@pytest.mark.parametrize(
    ("keys", "method", "other"),
    [
        (Planted, "document", "LibraryKeys.document"),
        (SameKey, "profile", "IdentityKeys.user"),
        (SamePartition, "members", "DirectoryKeys.members"),
        (Wider, "attempt", "IdentityKeys.tenant_failures"),
        (Longer, "named", "LibraryKeys.name"),
    ],
)
def test_a_clash_is_found(keys: type[Planted], method: str, other: str) -> None:
    assert (other, f"{keys.__name__}.{method}") in clashes(planted(keys, method))


def test_what_is_apart_is_no_clash() -> None:
    assert clashes(planted(Planted, "sales")) == clashes(planted(Beside, "photo")) == []
    assert shared_partitions(planted(Planted, "sales")) == SHARED


def test_an_item_in_anothers_partition_is_found() -> None:
    assert shared_partitions(planted(Beside, "photo"))["user#<>"] == {"identity", "directory", "planted"}


def test_a_key_without_its_tenant_is_found() -> None:
    assert without_tenant(planted(NoTenant, "everybody")) == ["NoTenant.everybody"]


@pytest.mark.parametrize("text", ["", "t", "t00000000000#", "t*00000000001", "t0000000000012", "T000000000001"])
def test_what_is_no_tenants_id_begins_no_key(text: str) -> None:
    with pytest.raises(ValueError, match="not a tenant id"):
        TenantKeys(text)
