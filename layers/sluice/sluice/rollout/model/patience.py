"""How long SageMaker is waited for before something is concluded. Pure."""

from datetime import timedelta

UNSEEN = timedelta(minutes=1)
"""For how long DescribeEndpoint may show an endpoint without a change that was asked for: the SDK may repeat the call,
and no document says that an accepted one is shown at once."""

CAPACITY_PATIENCE = timedelta(hours=2)
"""For how long instances are asked for again and again that SageMaker does not provide. It accepts the change, and goes
back to what was if it "fails to scale up" (RollingBack, EndpointStatus of DescribeEndpoint)."""
