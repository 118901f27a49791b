"""Which KMS keys moto's S3 has noted for objects and buckets."""

from __future__ import annotations

from typing import Any


class MotoObjectKeys:
    """Implements ``ObjectKeys`` for the S3 of one account."""

    def __init__(self, account: str) -> None:
        self._account = account

    def of_object(self, bucket: str, key: str, version_id: str | None) -> str | None:
        """The KMS key of an object; None if it has none, or does not exist."""
        found = self._bucket(bucket)
        if found is None:
            return None
        known = [each for each in found.keys.getlist(key, []) if version_id in (None, str(each.version_id))]
        newest: Any = known[-1] if known else None  # a delete marker has no key
        return newest.kms_key_id if getattr(newest, "encryption", None) == "aws:kms" else None

    def of_bucket(self, bucket: str) -> str | None:
        """The KMS key with which a bucket encrypts what says nothing else; None if it has none."""
        rules = (getattr(self._bucket(bucket), "encryption", None) or {}).get("Rule", {})
        rule = rules[0] if isinstance(rules, list) else rules
        default = rule.get("ApplyServerSideEncryptionByDefault", {})
        return default.get("KMSMasterKeyID") if default.get("SSEAlgorithm") == "aws:kms" else None

    def _bucket(self, name: str) -> Any:
        from moto.s3.models import s3_backends

        return s3_backends[self._account]["aws"].buckets.get(name)
