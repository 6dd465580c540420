"""Packages that formats are written with; they are optional."""

import importlib
from types import ModuleType

from neuropipe.errors import BadInput


def need(package: str, what: str) -> ModuleType:
    """The package; raises BadInput where it is not installed. what : that it is needed for, a plural"""
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise BadInput(
            f"{what} are made with {package}, which can't be imported ({error}): pip install 'neuropipe[export]'"
        ) from error
