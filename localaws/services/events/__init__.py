"""EventBridge as the application sees it: rules, schedules, delivery with retries and dead-letter queues."""
