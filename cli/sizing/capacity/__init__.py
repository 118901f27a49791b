"""A simulation of a real-time endpoint under a request trace: queueing, autoscaling and cost on a virtual clock."""
