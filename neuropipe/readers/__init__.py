"""Readers of file formats: one module per format, each a function `read(files, **parameters) -> Recording`.

files : name in the catalogue -> path of the verified file on disk; parameters come from the catalogue.
"""

from neuropipe.registry import Registry

registry = Registry("reader", __name__)
available = registry.available
get = registry.get
