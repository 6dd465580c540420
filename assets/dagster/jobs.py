"""Jobs, by name."""

DEFAULT_JOB = "default"
EVERYTHING_JOB = "everything"
