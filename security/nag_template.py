"""Runs cdk-nag's rules on a CloudFormation template; in the environment .venvs/cdk-nag, which has the AWS CDK.

Usage: ``nag_template.py TEMPLATE FOLDER``, which leaves ``validation-report.json`` in the folder.
"""

from __future__ import annotations

import sys

import aws_cdk
import cdk_nag
from aws_cdk.cloudformation_include import CfnInclude


def main(template: str, folder: str) -> None:
    app = aws_cdk.App(outdir=folder, analytics_reporting=False)
    stack = aws_cdk.Stack(app, "sluice")
    CfnInclude(stack, "template", template_file=template)
    aws_cdk.Validations.of(app).add_plugins(cdk_nag.AwsSolutionsChecks(app))
    try:
        app.synth()
    except RuntimeError as error:  # what the rules found is in the report
        if "ValidationFailed" not in str(error):
            raise


main(*sys.argv[1:])
