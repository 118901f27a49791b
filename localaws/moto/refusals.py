"""Operations that moto would answer wrongly: refused, with the reason in the error and in the table of operations."""

from __future__ import annotations

from collections.abc import Mapping

from localaws.moto.operations import names

# Service -> reason -> operations that moto answers, and that are refused all the same.
REFUSED: Mapping[str, Mapping[str, frozenset[str]]] = {
    "dynamodb": {
        "a backup or an export would be there at once and nothing would be in it or come of it": names(
            """
            CreateBackup DeleteBackup DescribeBackup DescribeExport DescribeImport
            ExportTableToPointInTime ImportTable ListBackups ListExports RestoreTableFromBackup
            RestoreTableToPointInTime
            """
        ),
        "PartiQL is understood in part": names(
            """
            BatchExecuteStatement ExecuteStatement ExecuteTransaction
            """
        ),
        "policies of tables are not evaluated": names(
            """
            DeleteResourcePolicy GetResourcePolicy PutResourcePolicy
            """
        ),
        "the answer would lead the client to the real AWS": names(
            """
            DescribeEndpoints
            """
        ),
    },
    "iam": {
        "no caller is a user: keys, passwords and devices of users open nothing": names(
            """
            CreateAccessKey CreateLoginProfile CreateVirtualMFADevice DeactivateMFADevice
            DeleteAccessKey DeleteLoginProfile DeleteSSHPublicKey DeleteSigningCertificate
            DeleteVirtualMFADevice EnableMFADevice GetAccessKeyLastUsed GetLoginProfile GetSSHPublicKey
            ListAccessKeys ListMFADevices ListSSHPublicKeys ListSigningCertificates
            ListVirtualMFADevices UpdateAccessKey UpdateLoginProfile UpdateSSHPublicKey
            UpdateSigningCertificate UploadSSHPublicKey UploadSigningCertificate
            """
        ),
        "policies of users and groups are not evaluated": names(
            """
            AttachGroupPolicy AttachUserPolicy DeleteGroupPolicy DeleteUserPolicy DetachGroupPolicy
            DetachUserPolicy GetGroupPolicy GetUserPolicy ListAttachedGroupPolicies
            ListAttachedUserPolicies ListGroupPolicies ListUserPolicies PutGroupPolicy PutUserPolicy
            """
        ),
        "permissions boundaries are not evaluated": names(
            """
            DeleteRolePermissionsBoundary PutRolePermissionsBoundary
            """
        ),
        "nobody signs in through an identity provider": names(
            """
            CreateOpenIDConnectProvider CreateSAMLProvider DeleteOpenIDConnectProvider
            DeleteSAMLProvider GetOpenIDConnectProvider GetSAMLProvider ListOpenIDConnectProviderTags
            ListOpenIDConnectProviders ListSAMLProviders TagOpenIDConnectProvider
            UntagOpenIDConnectProvider UpdateOpenIDConnectProviderThumbprint UpdateSAMLProvider
            """
        ),
        "the answer would be made up": names(
            """
            DeleteServiceLinkedRole GenerateCredentialReport GetAccountSummary GetCredentialReport
            GetServiceLinkedRoleDeletionStatus
            """
        ),
    },
    "kms": {
        "grants are not evaluated": names(
            """
            CreateGrant ListGrants ListRetirableGrants RetireGrant RevokeGrant
            """
        ),
        "there is one Region": names(
            """
            ReplicateKey
            """
        ),
    },
    "logs": {
        "no metric would be published": names(
            """
            DeleteMetricFilter DescribeMetricFilters PutMetricFilter
            """
        ),
        "nothing would be delivered": names(
            """
            CreateDelivery DeleteDelivery DeleteDeliveryDestination DeleteDeliveryDestinationPolicy
            DeleteDeliverySource DeleteDestination DeleteSubscriptionFilter DescribeDeliveries
            DescribeDeliveryDestinations DescribeDeliverySources DescribeDestinations
            DescribeSubscriptionFilters GetDelivery GetDeliveryDestination GetDeliveryDestinationPolicy
            GetDeliverySource PutDeliveryDestination PutDeliveryDestinationPolicy PutDeliverySource
            PutDestination PutDestinationPolicy PutSubscriptionFilter
            """
        ),
        "an export would be done at once": names(
            """
            CancelExportTask CreateExportTask DescribeExportTasks
            """
        ),
        "it would end at once": names(
            """
            StartLiveTail
            """
        ),
    },
    "s3": {
        "nothing would be copied, logged, listed or served": names(
            """
            DeleteBucketInventoryConfiguration DeleteBucketReplication DeleteBucketWebsite
            GetBucketAccelerateConfiguration GetBucketInventoryConfiguration GetBucketLogging
            GetBucketReplication GetBucketWebsite ListBucketInventoryConfigurations
            PutBucketAccelerateConfiguration PutBucketInventoryConfiguration PutBucketLogging
            PutBucketReplication PutBucketWebsite
            """
        ),
        "an archived object would be there at once": names(
            """
            RestoreObject
            """
        ),
        "SQL is understood in part": names(
            """
            SelectObjectContent
            """
        ),
        "access by lists is not evaluated": names(
            """
            GetBucketAcl GetObjectAcl PutBucketAcl PutObjectAcl
            """
        ),
    },
    "secretsmanager": {
        "no function would rotate the secret": names(
            """
            CancelRotateSecret RotateSecret
            """
        ),
        "there is one Region": names(
            """
            RemoveRegionsFromReplication ReplicateSecretToRegions
            """
        ),
        "policies of secrets are not evaluated": names(
            """
            DeleteResourcePolicy GetResourcePolicy PutResourcePolicy
            """
        ),
    },
    "sns": {
        "no message would reach a phone or an application": names(
            """
            CheckIfPhoneNumberIsOptedOut CreatePlatformApplication CreatePlatformEndpoint DeleteEndpoint
            DeletePlatformApplication GetEndpointAttributes GetPlatformApplicationAttributes
            GetSMSAttributes ListEndpointsByPlatformApplication ListPhoneNumbersOptedOut
            ListPlatformApplications OptInPhoneNumber SetEndpointAttributes
            SetPlatformApplicationAttributes SetSMSAttributes
            """
        ),
    },
    "ssm": {
        "a command would succeed at once, with its own text as the output": names(
            """
            GetCommandInvocation ListCommands SendCommand
            """
        ),
        "documents, maintenance windows and patch baselines would do nothing": names(
            """
            CreateDocument CreateMaintenanceWindow CreatePatchBaseline DeleteDocument
            DeleteMaintenanceWindow DeletePatchBaseline DeregisterPatchBaselineForPatchGroup
            DeregisterTargetFromMaintenanceWindow DeregisterTaskFromMaintenanceWindow DescribeDocument
            DescribeDocumentPermission DescribeMaintenanceWindowTargets DescribeMaintenanceWindowTasks
            DescribeMaintenanceWindows DescribePatchBaselines GetDocument GetMaintenanceWindow
            GetPatchBaselineForPatchGroup ListDocuments ModifyDocumentPermission
            RegisterPatchBaselineForPatchGroup RegisterTargetWithMaintenanceWindow
            RegisterTaskWithMaintenanceWindow UpdateDocument UpdateDocumentDefaultVersion
            """
        ),
    },
    "stepfunctions": {
        "an activity would never be given a task": names(
            """
            CreateActivity DeleteActivity DescribeActivity ListActivities
            """
        ),
        "there are no versions for an alias to name": names(
            """
            CreateStateMachineAlias DeleteStateMachineAlias DescribeStateMachineAlias
            ListStateMachineAliases UpdateStateMachineAlias
            """
        ),
    },
    "sts": {
        "the credentials would open nothing": names(
            """
            AssumeRoleWithSAML AssumeRoleWithWebIdentity GetFederationToken GetSessionToken
            """
        ),
    },
}


def refusal_reason(service: str, operation: str) -> str | None:
    """Why an operation that moto would answer is refused; None when it is not one of these."""
    reasons = REFUSED.get(service, {})
    return next((reason for reason, operations in reasons.items() if operation in operations), None)
