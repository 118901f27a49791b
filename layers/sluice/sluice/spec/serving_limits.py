"""What AWS allows for each way to serve; sizes in MB of 2**20 bytes."""

from __future__ import annotations

REAL_TIME_PAYLOAD_MB = 6
REAL_TIME_RESPONSE_SECONDS = 60

SERVERLESS_PAYLOAD_MB = 4
SERVERLESS_RESPONSE_SECONDS = 60
SERVERLESS_MEMORY_MB = (1024, 2048, 3072, 4096, 5120, 6144)
SERVERLESS_CONCURRENCY = 200

ASYNC_PAYLOAD_MB = 1024
ASYNC_RESPONSE_SECONDS = 3600

BATCH_RESPONSE_SECONDS = 3600
"""For one mini-batch."""
BATCH_PAYLOAD_MB = 100
BATCH_IN_FLIGHT_MB = 100
"""Largest request times requests at the same time, on one instance."""
BATCH_INSTANCES = 100
