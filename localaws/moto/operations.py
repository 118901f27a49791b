"""Which operations moto may answer. What is neither here nor in ``refusals`` is not there; all are refused by name.

moto has more: it answers many operations with a stub that claims success at once, keeps settings that nothing obeys,
makes up answers, or, in S3, takes an operation that it does not know for the one of the same method and path:
``RenameObject`` would empty the object. A client that believes such an answer shows a fault nowhere. So what moto
answers is listed, after its code was read or a test used it, and what it would answer wrongly is refused with the
reason. Settings that only say how AWS keeps what it is given (encryption, lifecycle, retention, point-in-time recovery,
policies of keys) are kept without effect, as stacks set them; ``OPERATIONS.md`` says so.
"""

from __future__ import annotations

from collections.abc import Mapping


def names(text: str) -> frozenset[str]:
    """The operations that a text lists."""
    return frozenset(text.split())


SERVED: Mapping[str, frozenset[str]] = {
    "dynamodb": names(
        """
        BatchGetItem BatchWriteItem CreateTable DeleteItem DeleteTable DescribeContinuousBackups
        DescribeLimits DescribeTable DescribeTimeToLive GetItem ListTables ListTagsOfResource PutItem Query
        Scan TagResource TransactGetItems TransactWriteItems UntagResource UpdateContinuousBackups
        UpdateItem UpdateTable UpdateTimeToLive
        """
    ),
    "iam": names(
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
    "kms": names(
        """
        CancelKeyDeletion CreateAlias CreateKey Decrypt DeleteAlias DescribeKey DisableKey
        DisableKeyRotation EnableKey EnableKeyRotation Encrypt GenerateDataKey
        GenerateDataKeyWithoutPlaintext GenerateMac GenerateRandom GetKeyPolicy GetKeyRotationStatus
        GetPublicKey ListAliases ListKeyPolicies ListKeyRotations ListKeys ListResourceTags PutKeyPolicy
        ReEncrypt RotateKeyOnDemand ScheduleKeyDeletion Sign TagResource UntagResource UpdateAlias
        UpdateKeyDescription Verify VerifyMac
        """
    ),
    "logs": names(
        """
        CreateLogGroup CreateLogStream DeleteLogGroup DeleteLogStream DeleteResourcePolicy
        DeleteRetentionPolicy DescribeLogGroups DescribeLogStreams DescribeResourcePolicies GetLogEvents
        ListTagsForResource ListTagsLogGroup PutLogEvents PutResourcePolicy PutRetentionPolicy TagLogGroup
        TagResource UntagLogGroup UntagResource
        """
    ),
    "s3": names(
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
    "secretsmanager": names(
        """
        BatchGetSecretValue CreateSecret DeleteSecret DescribeSecret GetRandomPassword GetSecretValue
        ListSecretVersionIds ListSecrets PutSecretValue RestoreSecret TagResource UntagResource UpdateSecret
        UpdateSecretVersionStage
        """
    ),
    "sns": names(
        """
        AddPermission ConfirmSubscription CreateTopic DeleteTopic GetSubscriptionAttributes
        GetTopicAttributes ListSubscriptions ListSubscriptionsByTopic ListTagsForResource ListTopics Publish
        PublishBatch RemovePermission SetSubscriptionAttributes SetTopicAttributes Subscribe TagResource
        Unsubscribe UntagResource
        """
    ),
    "sqs": names(
        """
        AddPermission ChangeMessageVisibility ChangeMessageVisibilityBatch CreateQueue DeleteMessage
        DeleteMessageBatch DeleteQueue GetQueueAttributes GetQueueUrl ListDeadLetterSourceQueues
        ListQueueTags ListQueues PurgeQueue ReceiveMessage RemovePermission SendMessage SendMessageBatch
        SetQueueAttributes TagQueue UntagQueue
        """
    ),
    "ssm": names(
        """
        AddTagsToResource DeleteParameter DeleteParameters DescribeParameters GetParameter
        GetParameterHistory GetParameters GetParametersByPath LabelParameterVersion ListTagsForResource
        PutParameter RemoveTagsFromResource UnlabelParameterVersion
        """
    ),
    "stepfunctions": names(
        """
        CreateStateMachine DeleteStateMachine DescribeMapRun DescribeStateMachine
        DescribeStateMachineForExecution GetExecutionHistory ListExecutions ListMapRuns ListStateMachines
        ListTagsForResource SendTaskHeartbeat SendTaskSuccess TagResource UntagResource UpdateMapRun
        UpdateStateMachine
        """
    ),
    "sts": names(
        """
        GetAccessKeyInfo
        """
    ),
}

# Settings that are kept and read back, and change nothing.
WITHOUT_EFFECT: Mapping[str, frozenset[str]] = {
    "dynamodb": names("UpdateContinuousBackups"),
    "kms": names("DisableKeyRotation EnableKeyRotation PutKeyPolicy"),
    "logs": names("DeleteRetentionPolicy PutResourcePolicy PutRetentionPolicy"),
    "s3": names(
        """
        PutBucketCors PutBucketEncryption PutBucketLifecycleConfiguration PutBucketOwnershipControls PutBucketPolicy
        PutPublicAccessBlock
        """
    ),
}
