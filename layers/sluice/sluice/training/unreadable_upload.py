"""The error of an upload that cannot be read: apart from what raises it, so that who catches it loads no adapter."""

from __future__ import annotations

from sluice.errors import PermanentError


class UnreadableUploadError(PermanentError):
    """The uploaded object is encrypted with a KMS key that its reader may not use.

    ``may_pass``: it is only denied, as it is for some minutes after the permission was given.
    """

    def __init__(self, message: str, *, may_pass: bool = False) -> None:
        super().__init__(message)
        self.may_pass = may_pass
