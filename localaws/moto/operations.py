"""Which operations moto may answer. What is in neither table is not there; both are refused by name.

moto has more: it answers many operations with a stub that claims success at once, keeps settings that nothing obeys,
makes up answers, or, in S3, takes an operation that it does not know for the one of the same method and path:
``RenameObject`` would empty the object. A client that believes such an answer shows a fault nowhere. So what moto
answers is listed, after its code was read or a test used it, and what it would answer wrongly is refused with the
reason. Settings that only say how AWS keeps what it is given (encryption, lifecycle, retention, point-in-time recovery,
policies of keys) are kept without effect, as stacks set them; ``OPERATIONS.md`` says so.
"""

from __future__ import annotations

from collections.abc import Mapping


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


SERVED: Mapping[str, frozenset[str]] = {
    "dynamodb": _names(
        """
        BatchGetItem BatchWriteItem CreateTable DeleteItem DeleteTable DescribeContinuousBackups
        DescribeLimits DescribeTable DescribeTimeToLive GetItem ListTables ListTagsOfResource PutItem Query
        Scan TagResource TransactGetItems TransactWriteItems UntagResource UpdateContinuousBackups
        UpdateItem UpdateTable UpdateTimeToLive
        """
    ),
    "iam": _names(
        """
        AddRoleToInstanceProfile AddUserToGroup AttachRolePolicy CreateAccountAlias CreateGroup
        CreateInstanceProfile CreatePolicy CreatePolicyVersion CreateRole CreateServiceLinkedRole CreateUser
        DeleteAccountAlias DeleteAccountPasswordPolicy DeleteGroup DeleteInstanceProfile DeletePolicy
        DeletePolicyVersion DeleteRole DeleteRolePolicy DeleteServerCertificate DeleteUser DetachRolePolicy
        GetAccountAuthorizationDetails GetAccountPasswordPolicy GetGroup GetInstanceProfile GetPolicy
        GetPolicyVersion GetRole GetRolePolicy GetServerCertificate GetUser ListAccountAliases
        ListAttachedRolePolicies ListEntitiesForPolicy ListGroups ListGroupsForUser ListInstanceProfiles
        ListInstanceProfilesForRole ListPolicies ListPolicyTags ListPolicyVersions ListRolePolicies
        ListRoleTags ListRoles ListServerCertificates ListUserTags ListUsers PutRolePolicy
        RemoveRoleFromInstanceProfile RemoveUserFromGroup SetDefaultPolicyVersion TagInstanceProfile
        TagPolicy TagRole TagUser UntagInstanceProfile UntagPolicy UntagRole UntagUser
        UpdateAccountPasswordPolicy UpdateAssumeRolePolicy UpdateGroup UpdateRole UpdateRoleDescription
        UpdateUser UploadServerCertificate
        """
    ),
    "kms": _names(
        """
        CancelKeyDeletion CreateAlias CreateKey Decrypt DeleteAlias DescribeKey DisableKey
        DisableKeyRotation EnableKey EnableKeyRotation Encrypt GenerateDataKey
        GenerateDataKeyWithoutPlaintext GenerateMac GenerateRandom GetKeyPolicy GetKeyRotationStatus
        GetPublicKey ListAliases ListKeyPolicies ListKeyRotations ListKeys ListResourceTags PutKeyPolicy
        ReEncrypt RotateKeyOnDemand ScheduleKeyDeletion Sign TagResource UntagResource UpdateAlias
        UpdateKeyDescription Verify VerifyMac
        """
    ),
    "logs": _names(
        """
        CreateLogGroup CreateLogStream DeleteLogGroup DeleteLogStream DeleteResourcePolicy
        DeleteRetentionPolicy DescribeLogGroups DescribeLogStreams DescribeResourcePolicies GetLogEvents
        ListTagsForResource ListTagsLogGroup PutLogEvents PutResourcePolicy PutRetentionPolicy TagLogGroup
        TagResource UntagLogGroup UntagResource
        """
    ),
    "s3": _names(
        """
        AbortMultipartUpload CompleteMultipartUpload CopyObject CreateBucket CreateMultipartUpload
        DeleteBucket DeleteBucketCors DeleteBucketEncryption DeleteBucketLifecycle
        DeleteBucketOwnershipControls DeleteBucketPolicy DeleteBucketTagging DeleteObject
        DeleteObjectTagging DeleteObjects DeletePublicAccessBlock GetBucketCors GetBucketEncryption
        GetBucketLifecycleConfiguration GetBucketLocation GetBucketNotificationConfiguration
        GetBucketOwnershipControls GetBucketPolicy GetBucketPolicyStatus GetBucketTagging
        GetBucketVersioning GetObject GetObjectAttributes GetObjectLegalHold GetObjectLockConfiguration
        GetObjectRetention GetObjectTagging GetPublicAccessBlock HeadBucket HeadObject ListBuckets
        ListMultipartUploads ListObjectVersions ListObjects ListObjectsV2 ListParts PutBucketCors
        PutBucketEncryption PutBucketLifecycleConfiguration PutBucketNotificationConfiguration
        PutBucketOwnershipControls PutBucketPolicy PutBucketTagging PutBucketVersioning PutObject
        PutObjectLegalHold PutObjectLockConfiguration PutObjectRetention PutObjectTagging
        PutPublicAccessBlock UploadPart UploadPartCopy
        """
    ),
    "secretsmanager": _names(
        """
        BatchGetSecretValue CreateSecret DeleteSecret DescribeSecret GetRandomPassword GetSecretValue
        ListSecretVersionIds ListSecrets PutSecretValue RestoreSecret TagResource UntagResource UpdateSecret
        UpdateSecretVersionStage
        """
    ),
    "sns": _names(
        """
        AddPermission ConfirmSubscription CreateTopic DeleteTopic GetSubscriptionAttributes
        GetTopicAttributes ListSubscriptions ListSubscriptionsByTopic ListTagsForResource ListTopics Publish
        PublishBatch RemovePermission SetSubscriptionAttributes SetTopicAttributes Subscribe TagResource
        Unsubscribe UntagResource
        """
    ),
    "sqs": _names(
        """
        AddPermission ChangeMessageVisibility ChangeMessageVisibilityBatch CreateQueue DeleteMessage
        DeleteMessageBatch DeleteQueue GetQueueAttributes GetQueueUrl ListDeadLetterSourceQueues
        ListQueueTags ListQueues PurgeQueue ReceiveMessage RemovePermission SendMessage SendMessageBatch
        SetQueueAttributes TagQueue UntagQueue
        """
    ),
    "ssm": _names(
        """
        AddTagsToResource DeleteParameter DeleteParameters DescribeParameters GetParameter
        GetParameterHistory GetParameters GetParametersByPath LabelParameterVersion ListTagsForResource
        PutParameter RemoveTagsFromResource UnlabelParameterVersion
        """
    ),
    "stepfunctions": _names(
        """
        CreateStateMachine DeleteStateMachine DescribeMapRun DescribeStateMachine
        DescribeStateMachineForExecution GetExecutionHistory ListExecutions ListMapRuns ListStateMachines
        ListTagsForResource SendTaskHeartbeat SendTaskSuccess TagResource UntagResource UpdateMapRun
        UpdateStateMachine
        """
    ),
    "sts": _names(
        """
        GetAccessKeyInfo
        """
    ),
}

# Service -> reason -> operations that moto answers, and that are refused all the same.
REFUSED: Mapping[str, Mapping[str, frozenset[str]]] = {
    "dynamodb": {
        "a backup or an export would be there at once and nothing would be in it or come of it": _names(
            """
            CreateBackup DeleteBackup DescribeBackup DescribeExport DescribeImport
            ExportTableToPointInTime ImportTable ListBackups ListExports RestoreTableFromBackup
            RestoreTableToPointInTime
            """
        ),
        "PartiQL is understood in part": _names(
            """
            BatchExecuteStatement ExecuteStatement ExecuteTransaction
            """
        ),
        "policies of tables are not evaluated": _names(
            """
            DeleteResourcePolicy GetResourcePolicy PutResourcePolicy
            """
        ),
        "the answer would lead the client to the real AWS": _names(
            """
            DescribeEndpoints
            """
        ),
    },
    "iam": {
        "no caller is a user: keys, passwords and devices of users open nothing": _names(
            """
            CreateAccessKey CreateLoginProfile CreateVirtualMFADevice DeactivateMFADevice
            DeleteAccessKey DeleteLoginProfile DeleteSSHPublicKey DeleteSigningCertificate
            DeleteVirtualMFADevice EnableMFADevice GetAccessKeyLastUsed GetLoginProfile GetSSHPublicKey
            ListAccessKeys ListMFADevices ListSSHPublicKeys ListSigningCertificates
            ListVirtualMFADevices UpdateAccessKey UpdateLoginProfile UpdateSSHPublicKey
            UpdateSigningCertificate UploadSSHPublicKey UploadSigningCertificate
            """
        ),
        "policies of users and groups are not evaluated": _names(
            """
            AttachGroupPolicy AttachUserPolicy DeleteGroupPolicy DeleteUserPolicy DetachGroupPolicy
            DetachUserPolicy GetGroupPolicy GetUserPolicy ListAttachedGroupPolicies
            ListAttachedUserPolicies ListGroupPolicies ListUserPolicies PutGroupPolicy PutUserPolicy
            """
        ),
        "permissions boundaries are not evaluated": _names(
            """
            DeleteRolePermissionsBoundary PutRolePermissionsBoundary
            """
        ),
        "nobody signs in through an identity provider": _names(
            """
            CreateOpenIDConnectProvider CreateSAMLProvider DeleteOpenIDConnectProvider
            DeleteSAMLProvider GetOpenIDConnectProvider GetSAMLProvider ListOpenIDConnectProviderTags
            ListOpenIDConnectProviders ListSAMLProviders TagOpenIDConnectProvider
            UntagOpenIDConnectProvider UpdateOpenIDConnectProviderThumbprint UpdateSAMLProvider
            """
        ),
        "the answer would be made up": _names(
            """
            DeleteServiceLinkedRole GenerateCredentialReport GetAccountSummary GetCredentialReport
            GetServiceLinkedRoleDeletionStatus
            """
        ),
    },
    "kms": {
        "grants are not evaluated": _names(
            """
            CreateGrant ListGrants ListRetirableGrants RetireGrant RevokeGrant
            """
        ),
        "there is one Region": _names(
            """
            ReplicateKey
            """
        ),
    },
    "logs": {
        "no metric would be published": _names(
            """
            DeleteMetricFilter DescribeMetricFilters PutMetricFilter
            """
        ),
        "nothing would be delivered": _names(
            """
            CreateDelivery DeleteDelivery DeleteDeliveryDestination DeleteDeliveryDestinationPolicy
            DeleteDeliverySource DeleteDestination DeleteSubscriptionFilter DescribeDeliveries
            DescribeDeliveryDestinations DescribeDeliverySources DescribeDestinations
            DescribeSubscriptionFilters GetDelivery GetDeliveryDestination GetDeliveryDestinationPolicy
            GetDeliverySource PutDeliveryDestination PutDeliveryDestinationPolicy PutDeliverySource
            PutDestination PutDestinationPolicy PutSubscriptionFilter
            """
        ),
        "an export would be done at once": _names(
            """
            CancelExportTask CreateExportTask DescribeExportTasks
            """
        ),
        "it would end at once": _names(
            """
            StartLiveTail
            """
        ),
    },
    "s3": {
        "nothing would be copied, logged, listed or served": _names(
            """
            DeleteBucketInventoryConfiguration DeleteBucketReplication DeleteBucketWebsite
            GetBucketAccelerateConfiguration GetBucketInventoryConfiguration GetBucketLogging
            GetBucketReplication GetBucketWebsite ListBucketInventoryConfigurations
            PutBucketAccelerateConfiguration PutBucketInventoryConfiguration PutBucketLogging
            PutBucketReplication PutBucketWebsite
            """
        ),
        "an archived object would be there at once": _names(
            """
            RestoreObject
            """
        ),
        "SQL is understood in part": _names(
            """
            SelectObjectContent
            """
        ),
        "access by lists is not evaluated": _names(
            """
            GetBucketAcl GetObjectAcl PutBucketAcl PutObjectAcl
            """
        ),
    },
    "secretsmanager": {
        "no function would rotate the secret": _names(
            """
            CancelRotateSecret RotateSecret
            """
        ),
        "there is one Region": _names(
            """
            RemoveRegionsFromReplication ReplicateSecretToRegions
            """
        ),
        "policies of secrets are not evaluated": _names(
            """
            DeleteResourcePolicy GetResourcePolicy PutResourcePolicy
            """
        ),
    },
    "sns": {
        "no message would reach a phone or an application": _names(
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
        "a command would succeed at once, with its own text as the output": _names(
            """
            GetCommandInvocation ListCommands SendCommand
            """
        ),
        "documents, maintenance windows and patch baselines would do nothing": _names(
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
        "an activity would never be given a task": _names(
            """
            CreateActivity DeleteActivity DescribeActivity ListActivities
            """
        ),
        "there are no versions for an alias to name": _names(
            """
            CreateStateMachineAlias DeleteStateMachineAlias DescribeStateMachineAlias
            ListStateMachineAliases UpdateStateMachineAlias
            """
        ),
    },
    "sts": {
        "the credentials would open nothing": _names(
            """
            AssumeRoleWithSAML AssumeRoleWithWebIdentity GetFederationToken GetSessionToken
            """
        ),
    },
}
# Settings that are kept and read back, and change nothing.
WITHOUT_EFFECT: Mapping[str, frozenset[str]] = {
    "dynamodb": _names("UpdateContinuousBackups"),
    "kms": _names("DisableKeyRotation EnableKeyRotation PutKeyPolicy"),
    "logs": _names("DeleteRetentionPolicy PutResourcePolicy PutRetentionPolicy"),
    "s3": _names(
        """
        PutBucketCors PutBucketEncryption PutBucketLifecycleConfiguration PutBucketOwnershipControls PutBucketPolicy
        PutPublicAccessBlock
        """
    ),
}


def refusal_reason(service: str, operation: str) -> str | None:
    """Why an operation that moto would answer is refused; None when it is not one of these."""
    reasons = REFUSED.get(service, {})
    return next((reason for reason, operations in reasons.items() if operation in operations), None)
