"""Keys of the directory's items: groups, memberships and provisioned users."""

from __future__ import annotations

from docplatform.core import names
from docplatform.infra.dynamodb.keys import Key, TenantKeys, hashed


class DirectoryKeys(TenantKeys):
    # -- groups; the key of the group's own item is ``IdentityKeys.group``
    def groups(self) -> str:
        """The partition of gsi3 that lists the tenant's groups by id."""
        return f"{self._prefix}groups"

    def group_name(self, name: str) -> Key:
        """The item that reserves a name for one group. The name is hashed: keys contain no names."""
        return Key(f"{self._prefix}group-name#{hashed(names.unique_form(name))}", "group-name")

    def former_group_name(self, name: str) -> Key:
        """The same item as earlier versions made it: it differs for a name with invisible characters."""
        return Key(f"{self._prefix}group-name#{hashed(names.former_unique_form(name))}", "group-name")

    def member(self, group_id: str, user_id: str) -> Key:
        return Key(self.members(), f"{group_id}#{user_id}")

    def members(self) -> str:
        """The partition of all memberships, in order of group and user: one query reads several groups."""
        return f"{self._prefix}members"

    # -- provisioned users
    def directory(self, user_id: str) -> Key:
        """The attributes of a user that only the provisioning system uses."""
        return Key(f"{self._prefix}user#{user_id}", "directory")

    def user_name(self, name: str) -> Key:
        """The item that reserves a provisioning system's user name for one user. The name is hashed."""
        return Key(f"{self._prefix}user-name#{hashed(names.folded(name))}", "user-name")
