"""Export: a session's results for other programs. One module per format; what NWB needs is in nwb_parts/.

A format is a function with `@exporter(name, suffix=..., assets=..., many=..., folder=...)`:

    write(session: SessionContent, path: Path, **options)

suffix : of its files, by which the command line knows it; "" where only its name says it
assets : patterns of what it can hold; many : it holds all of them at once, else exactly one
folder : it writes a folder, which has a file of the name `marker`

In Python: `to_xarray`, `to_pynapple` and `to_spikeinterface` give objects of these libraries.
"""

from neuropipe.export.content import Made, SessionContent
from neuropipe.export.pynapple import to_pynapple
from neuropipe.export.spikeinterface import to_spikeinterface
from neuropipe.export.xarray import to_xarray
from neuropipe.registry import Registry

registry = Registry("exporter", __name__)
available = registry.available

__all__ = ["Made", "SessionContent", "available", "registry", "to_pynapple", "to_spikeinterface", "to_xarray"]
