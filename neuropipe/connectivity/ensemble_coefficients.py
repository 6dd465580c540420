"""Coefficients of `ensemble`, made by `python -m benchmarks.connectivity_ensemble`."""

COEFFICIENTS = {
    "log_odds": 3.439,
    "z": 0.91335,
    "best_delay": 0.70541,
    "earliest_delay": 0.19154,
    "latest_delay": 0.22825,
    "with_drive": -0.38327,
    "memory": 0.35416,
    "correlogram": 0.0296,
    "reverse": -0.045869,
    "source_rate": 0.42632,
    "target_rate": 0.23655,
    "error": 0.72926,
}
MEANS = {
    "log_odds": -4.7113,
    "z": 0.50947,
    "best_delay": 0.77839,
    "earliest_delay": 0.49208,
    "latest_delay": 0.46212,
    "with_drive": 0.87456,
    "memory": 0.84673,
    "correlogram": 0.20284,
    "reverse": 0.50947,
    "source_rate": 1.6065,
    "target_rate": 1.6065,
    "error": -0.98213,
}
SDS = {
    "log_odds": 7.1234,
    "z": 2.6993,
    "best_delay": 2.7064,
    "earliest_delay": 2.6441,
    "latest_delay": 2.5029,
    "with_drive": 3.0385,
    "memory": 2.9902,
    "correlogram": 1.7381,
    "reverse": 2.6993,
    "source_rate": 0.67984,
    "target_rate": 0.67984,
    "error": 0.51497,
}
INTERCEPT = -3.4875
