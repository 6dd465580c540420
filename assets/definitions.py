"""The code location: `dagster dev -m assets.definitions`, `dagster asset materialize -m assets.definitions ...`."""

from assets.dagster.build import build_definitions
from assets.pipeline import build_pipeline

defs = build_definitions(build_pipeline())
