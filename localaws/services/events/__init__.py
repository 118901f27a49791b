"""EventBridge: rules, schedules, delivery with retries and dead-letter queues."""
