"""Coefficients of `ensemble`, made by `python -m benchmarks.connectivity_ensemble`."""

COEFFICIENTS = {
    "log_odds": 2.9842,
    "z": 1.1986,
    "best_delay": 0.85796,
    "earliest_delay": 0.23602,
    "latest_delay": 0.32454,
    "with_drive": -0.23363,
    "memory": 0.33987,
    "correlogram": 0.055242,
    "reverse": -0.058004,
    "source_rate": 0.34047,
    "target_rate": 0.18175,
    "error": 0.71865,
}
MEANS = {
    "log_odds": -4.8898,
    "z": 0.57003,
    "best_delay": 0.84362,
    "earliest_delay": 0.55215,
    "latest_delay": 0.52345,
    "with_drive": 0.95523,
    "memory": 0.92269,
    "correlogram": 0.24,
    "reverse": 0.57003,
    "source_rate": 1.605,
    "target_rate": 1.605,
    "error": -0.95756,
}
SDS = {
    "log_odds": 7.83,
    "z": 2.9299,
    "best_delay": 2.9459,
    "earliest_delay": 2.8735,
    "latest_delay": 2.7264,
    "with_drive": 3.3058,
    "memory": 3.2542,
    "correlogram": 1.9243,
    "reverse": 2.9299,
    "source_rate": 0.68144,
    "target_rate": 0.68144,
    "error": 0.53052,
}
INTERCEPT = -3.553
