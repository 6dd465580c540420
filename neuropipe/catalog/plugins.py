"""Checks readers, simulators and their parameters, as the catalogue names them; no plug-in is imported."""

from collections.abc import Collection

from neuropipe import readers, simulate
from neuropipe.catalog.datasets import DatasetEntry, SessionEntry
from neuropipe.catalog.sessions import Catalog
from neuropipe.errors import BadInput
from neuropipe.registry import Plugin, check_parameters


def plugin_of(dataset: DatasetEntry, session: SessionEntry | None = None) -> Plugin:
    """The reader or simulator of a data set, or of one of its sessions."""
    simulator = (session.simulator if session is not None else None) or dataset.simulator
    if simulator is not None:
        return simulate.get(simulator)
    return readers.get(dataset.reader or "")  # DatasetEntry makes sure that there is one


def check_plugins(catalog: Catalog) -> None:
    """Refuse (BadInput) unknown readers, simulators and parameters; the error names file, line and field.

    Plug-ins are known from their source, which is read once per process: this takes about a microsecond per session.
    """
    for name, dataset in catalog.datasets.items():
        field = "simulator" if dataset.simulator is not None else "reader"
        plugin = _named(catalog, name, (field,), dataset)
        given = dataset.parameters.keys()
        if not plugin.parameters.keys() >= given:
            _refuse(catalog, name, plugin, ("parameters",), given)
        for session, entry in dataset.sessions.items():
            used = plugin
            if entry.simulator is not None:
                used = _named(catalog, name, ("sessions", session, "simulator"), dataset, entry)
                _refuse(catalog, name, used, ("parameters",), given)
            if not used.parameters.keys() >= entry.parameters.keys():
                _refuse(catalog, name, used, ("sessions", session, "parameters"), entry.parameters.keys())


def _named(
    catalog: Catalog, name: str, field: tuple[str, ...], dataset: DatasetEntry, session: SessionEntry | None = None
) -> Plugin:
    try:
        return plugin_of(dataset, session)
    except BadInput as error:
        raise BadInput(f"{catalog.place(name, *field)}: {error}") from None


def _refuse(catalog: Catalog, name: str, plugin: Plugin, location: tuple[str, ...], given: Collection[str]) -> None:
    for parameter in given:
        try:
            check_parameters(plugin, {parameter: None})
        except BadInput as error:
            raise BadInput(f"{catalog.place(name, *location, parameter)}: {error}") from None
