"""The keys of groups and their members, and of users as a provisioning system keeps them."""

from __future__ import annotations

from docplatform.core import names
from docplatform.infra.dynamodb.keys import Key, TenantKeys, hashed


class DirectoryKeys(TenantKeys):
    # -- groups; the key of a group itself is ``IdentityKeys.group``
    def groups(self) -> str:
        """Partition of gsi3: the tenant's groups by id."""
        return f"{self._prefix}groups"

    def group_name(self, name: str) -> Key:
        """Taken by at most one group. Hashed: names stay out of keys."""
        return Key(f"{self._prefix}group-name#{hashed(names.folded(name))}", "group-name")

    def member(self, group_id: str, user_id: str) -> Key:
        return Key(self.members(), f"{group_id}#{user_id}")

    def members(self) -> str:
        """Partition of who is in which group, in order of group and user: neighbours are read together."""
        return f"{self._prefix}members"

    # -- provisioned users
    def directory(self, user_id: str) -> Key:
        """What a provisioning system keeps of a user."""
        return Key(f"{self._prefix}user#{user_id}", "directory")

    def user_name(self, name: str) -> Key:
        """A provisioning system's name for a user: taken by at most one. Hashed, as addresses are."""
        return Key(f"{self._prefix}user-name#{hashed(names.folded(name))}", "user-name")
