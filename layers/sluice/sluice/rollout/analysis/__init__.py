"""The analysis of a stage while it bakes: findings from alarms, metrics and answers, and the decision they lead to."""
