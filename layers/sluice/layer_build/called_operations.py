"""Finds the AWS operations that sources call, so that botocore's data can be cut down to them."""

from __future__ import annotations

import ast
from collections.abc import Iterable


def called_operations(sources: Iterable[str]) -> frozenset[str]:
    """Names that may be an operation's, in lower case and without underscores.

    A call is written ``client.describe_endpoint(...)``, where what stands before the point is called something with
    *client*, or names the operation in a string, as paginators and tables of operations do. An attribute of anything
    else is none: ``re.search`` must not keep SageMaker's ``Search``, which is as large as all the rest.
    """
    return frozenset(name.replace("_", "") for text in sources for name in _names(ast.parse(text)))


def _names(tree: ast.Module) -> Iterable[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and "client" in _last_name(node.value).casefold():
            yield node.attr
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isidentifier():
            yield node.value.lower()


def _last_name(node: ast.expr) -> str:
    """``client`` for ``self.client``, ``clients`` for ``clients("s3")``."""
    if isinstance(node, ast.Call):
        return _last_name(node.func)
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
