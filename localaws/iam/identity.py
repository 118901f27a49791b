"""Identities of callers: access keys of roles, made on demand; the developer's key and the local AWS's own."""

from __future__ import annotations

import secrets
import string
import threading
from collections.abc import Mapping
from dataclasses import dataclass

# The developer's key is the same on every machine, so that it can be kept in a profile. It opens nothing but a server
# that listens on 127.0.0.1 for the one who started it.
DEVELOPER_ACCESS_KEY = "AKIADEVELOPER0000000"
DEVELOPER_SECRET_KEY = "local"  # noqa: S105 (see above)
_OWN_ACCESS_KEY = "AKIALOCALAWSITSELF00"
_TEMPORARY = "ASIA"  # begins the access keys of roles
_ALPHABET = string.ascii_uppercase + "234567"


@dataclass(frozen=True, slots=True)
class Caller:
    """The owner of an access key. ``role_arn`` is None for the developer and for the local AWS itself."""

    arn: str  # as GetCallerIdentity reports it
    role_arn: str | None = None
    session: str = ""
    own: bool = False  # the local AWS itself: neither recorded nor authorised

    @property
    def role(self) -> str | None:
        """The role's name, without its path."""
        return None if self.role_arn is None else self.role_arn.rsplit("/", 1)[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessKey:
    """An access key that exists: its owner, and what only the owner knows."""

    identifier: str
    caller: Caller
    secret: str
    token: str | None = None  # of temporary credentials

    def variables(self) -> Mapping[str, str]:
        """The credentials as environment variables."""
        keys = {"AWS_ACCESS_KEY_ID": self.identifier, "AWS_SECRET_ACCESS_KEY": self.secret}
        return keys if self.token is None else keys | {"AWS_SESSION_TOKEN": self.token}


class Identities:
    """The access keys that exist: the developer's, who may do everything, the local AWS's own, and those of roles."""

    def __init__(self, account: str) -> None:
        self._account = account
        self._lock = threading.Lock()
        developer = Caller(f"arn:aws:iam::{account}:user/developer")
        self.developer = AccessKey(identifier=DEVELOPER_ACCESS_KEY, caller=developer, secret=DEVELOPER_SECRET_KEY)
        itself = Caller(f"arn:aws:iam::{account}:root", own=True)
        self.own = AccessKey(identifier=_OWN_ACCESS_KEY, caller=itself, secret=secrets.token_urlsafe(30))
        self._keys = {key.identifier: key for key in (self.developer, self.own)}
        self._minted: dict[tuple[str, str], AccessKey] = {}

    def find(self, access_key: str) -> AccessKey | None:
        """The key with this identifier; None when there is none."""
        return self._keys.get(access_key)

    def key_of_role(self, role_arn: str, session: str = "") -> AccessKey:
        """Temporary credentials of ``role_arn``; the same ones for the same role and session."""
        role = role_arn.rsplit("/", 1)[-1]
        session = session or role
        with self._lock:
            if (role_arn, session) not in self._minted:
                arn = f"arn:aws:sts::{self._account}:assumed-role/{role}/{session}"
                key = AccessKey(
                    identifier=_TEMPORARY + "".join(secrets.choice(_ALPHABET) for _ in range(16)),
                    caller=Caller(arn, role_arn, session),
                    secret=secrets.token_urlsafe(30),
                    token=secrets.token_urlsafe(48),
                )
                self._keys[key.identifier] = self._minted[role_arn, session] = key
            return self._minted[role_arn, session]

    def credentials(self, role_arn: str, session: str = "") -> Mapping[str, str]:
        """Those of ``key_of_role`` as environment variables."""
        return self.key_of_role(role_arn, session).variables()
