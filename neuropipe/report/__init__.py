"""The report: one self-contained HTML page, rendered from plain data without access to a store or a session."""

from neuropipe.report.page import Picture, PictureGroup, SessionFacts, render

__all__ = ["Picture", "PictureGroup", "SessionFacts", "render"]
