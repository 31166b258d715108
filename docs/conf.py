"""The site: ``sphinx-build -W -b html docs build/docs`` (extra ``docs``), notebooks and all."""

from importlib.metadata import version as version_of

from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx

project = "imssa_sim"
author = "The imssa_sim authors"
version = release = version_of("imssa_sim")
extensions = ["myst_nb", "sphinx.ext.autodoc", "numpydoc"]
exclude_patterns = ["results"]
html_theme = "furo"
html_title = f"imssa_sim {release}"
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
suppress_warnings = ["myst.xref_missing", "myst.header"]  # links to files of the checkout; pages
# that begin with a part of a page are read on GitHub, too
nb_execution_mode = "force"
nb_execution_timeout = 300
nb_execution_raise_on_error = True
nb_merge_streams = True
autodoc_typehints = "none"
numpydoc_show_class_members = False


def setup(app: Sphinx) -> None:
    """Show diagrams, which GitHub draws, as their text."""
    app.add_lexer("mermaid", TextLexer)
