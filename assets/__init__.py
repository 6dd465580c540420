"""The pipeline: one module a stage, thin functions that wire the science to the store, and Dagster around them."""
