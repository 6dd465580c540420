"""Which sessions a stage applies to, and why not to others: over the real catalogue."""

import pytest

from assets.pipeline import stages
from assets.stages.sessions import has_true_wiring
from neuropipe import connectivity
from neuropipe.catalog import Catalog
from tests.installation import ROOT

CATALOG = Catalog.load(ROOT / "data" / "catalog")
STAGES = {stage.name: stage for stage in stages()}


def modalities(asset: str) -> set[str]:
    return {session.modality for session in CATALOG if STAGES[asset].applies_to(session) is None}


def test_cells_are_looked_for_in_movies_and_events_in_fluorescence():
    assert modalities("fluorescence") == {"movie"}
    assert modalities("events/oasis") == {"movie", "fluorescence"}


def test_activity_needs_no_task():
    spiking = {"movie", "fluorescence", "spikes", "counts", "voltage"}
    assert modalities("activity") == spiking | {"field_potentials", "bold", "responses"}
    assert any(session.task is None and STAGES["activity"].applies_to(session) is None for session in CATALOG)


@pytest.mark.parametrize("name", connectivity.available())
def test_connectivity_methods_apply_by_what_they_need(name):
    needs = connectivity.available()[name].facts["needs"]
    assert modalities(f"connectivity/{name}") == (
        {"spikes", "voltage"} if needs == "spikes" else {"movie", "fluorescence", "spikes", "counts", "voltage"}
    )


def test_the_wiring_of_simulated_networks_is_known_and_no_other():
    assert {session.dataset_name for session in CATALOG if has_true_wiring(session) is None} == {"sim-network"}
    judged = STAGES["connectivity_reliability/correlation"].applies_to
    assert judged(CATALOG.session("sim-network.small")) == "its true connections are known"
    assert judged(CATALOG.session("steinmetz-feedback.session-03")) is None
