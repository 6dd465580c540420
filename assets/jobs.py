"""Jobs, by name."""

DEFAULT_JOB = "default"
