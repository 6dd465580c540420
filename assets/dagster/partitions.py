"""One static partition a session of the catalogue: what makes `--partition KEY` work from a fresh checkout."""

import dagster as dg

from neuropipe.catalog import Catalog


def sessions(catalog: Catalog) -> dg.StaticPartitionsDefinition:
    return dg.StaticPartitionsDefinition(list(catalog.sessions))
