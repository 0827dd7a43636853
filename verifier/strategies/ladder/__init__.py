"""The ladder: pools of queries, thresholds, survivors, and counts that never list the inputs."""
