"""Checks readers, simulators and their parameters, as the catalogue names them; no plug-in is imported."""

from collections.abc import Collection, Iterator

from neuropipe import readers, simulate
from neuropipe.catalog.datasets import DatasetEntry
from neuropipe.catalog.sessions import Catalog
from neuropipe.errors import BadInput
from neuropipe.registry import Plugin, check_parameters


def plugin_of(dataset: DatasetEntry) -> Plugin:
    """The reader or simulator of a data set."""
    if dataset.simulator is not None:
        return simulate.get(dataset.simulator)
    return readers.get(dataset.reader or "")  # DatasetEntry makes sure that there is one


def check_plugins(catalog: Catalog) -> None:
    """Refuse (BadInput) unknown readers, simulators and parameters; the error names file, line and field.

    Plug-ins are known from their source, which is read once per process: this takes about a microsecond per session.
    """
    for name, dataset in catalog.datasets.items():
        field = "simulator" if dataset.simulator is not None else "reader"
        try:
            plugin = plugin_of(dataset)
        except BadInput as error:
            raise BadInput(f"{catalog.place(name, field)}: {error}") from None
        known = plugin.parameters.keys()
        for location, given in _parameters(dataset):
            if not known >= set(given):
                _refuse(catalog, name, plugin, location, given)


def _parameters(dataset: DatasetEntry) -> Iterator[tuple[tuple[str, ...], Collection[str]]]:
    """Where parameters are given, and their names."""
    yield ("parameters",), dataset.parameters.keys()
    for session, entry in dataset.sessions.items():
        yield ("sessions", session, "parameters"), entry.parameters.keys()


def _refuse(catalog: Catalog, name: str, plugin: Plugin, location: tuple[str, ...], given: Collection[str]) -> None:
    for parameter in given:
        try:
            check_parameters(plugin, {parameter: None})
        except BadInput as error:
            raise BadInput(f"{catalog.place(name, *location, parameter)}: {error}") from None
