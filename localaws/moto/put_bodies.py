"""Keeps the body of a PUT that says it is a form: moto's HTTP layer would read it as one, and store an empty object.

``curl --data-binary`` and Python's urllib send this type by default, to presigned URLs too; S3 stores what comes. Only
a POST carries a form in AWS's protocols.
"""

from __future__ import annotations


def keep_bodies_of_puts() -> None:
    """Have no PUT read as a form."""
    from werkzeug.wrappers import Request

    if hasattr(Request, "_reads_forms_of_puts"):
        return
    parses = Request.want_form_data_parsed.fget  # type: ignore[attr-defined]
    Request._reads_forms_of_puts = False  # type: ignore[attr-defined]
    Request.want_form_data_parsed = property(  # type: ignore[assignment, method-assign]
        lambda request: request.method != "PUT" and parses(request)
    )
