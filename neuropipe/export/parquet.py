"""Connectivity as a table of pairs in Parquet."""

from pathlib import Path

from neuropipe.connectivity.export import write_parquet
from neuropipe.export.content import SessionContent
from neuropipe.registry import exporter


@exporter("parquet", suffix=".parquet", assets=("connectivity/*",))
def write(session: SessionContent, path: Path, *, density: float | None = None) -> None:
    """A row per pair, the largest weight first: source, target, weight, p_value, delay (s).

    density : share of all pairs to keep, those of the largest |weight|
    """
    write_parquet(session.one(), path, density)
