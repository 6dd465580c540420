"""neuropipe: neural recordings in, models and connectivity matrices out. Arrays and tables, no orchestration."""

__version__ = "0.2.0"
