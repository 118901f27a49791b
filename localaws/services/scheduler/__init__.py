"""EventBridge Scheduler: schedules with time zones that fire under a role of their own."""
