"""Identities of callers: access keys of roles, made on demand; the developer's key and the local AWS's own."""

from __future__ import annotations

import secrets
import string
import threading
from collections.abc import Mapping
from dataclasses import dataclass

from localaws.service_api import AwsError

OWN_ACCESS_KEY = "AKIALOCALAWSITSELF00"
DEVELOPER_ACCESS_KEY = "AKIADEVELOPER0000000"
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


class Identities:
    """Maps access keys to callers. Any long-lived key is the developer's, who may do everything."""

    def __init__(self, account: str) -> None:
        self._account = account
        self._lock = threading.Lock()
        self._developer = Caller(f"arn:aws:iam::{account}:user/developer")
        self._callers = {OWN_ACCESS_KEY: Caller(f"arn:aws:iam::{account}:root", own=True)}
        self._minted: dict[tuple[str, str], Mapping[str, str]] = {}

    def caller(self, access_key: str) -> Caller:
        """Whose key this is; raises AwsError for a temporary key that was not minted here."""
        caller = self._callers.get(access_key)
        if caller is None and access_key.startswith(_TEMPORARY):
            raise AwsError("UnrecognizedClientException", "The security token included in the request is invalid", 403)
        return caller or self._developer

    def credentials(self, role_arn: str, session: str = "") -> Mapping[str, str]:
        """Credentials of ``role_arn`` as environment variables; the same ones for the same role and session."""
        role = role_arn.rsplit("/", 1)[-1]
        session = session or role
        with self._lock:
            if (role_arn, session) not in self._minted:
                access_key = _TEMPORARY + "".join(secrets.choice(_ALPHABET) for _ in range(16))
                arn = f"arn:aws:sts::{self._account}:assumed-role/{role}/{session}"
                self._callers[access_key] = Caller(arn, role_arn, session)
                self._minted[role_arn, session] = {
                    "AWS_ACCESS_KEY_ID": access_key,
                    "AWS_SECRET_ACCESS_KEY": secrets.token_urlsafe(30),
                    "AWS_SESSION_TOKEN": secrets.token_urlsafe(48),
                }
            return self._minted[role_arn, session]
