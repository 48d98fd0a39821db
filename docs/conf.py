"""How the documentation is built; `nox -s docs` does it, and warnings are errors."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from codegen import faults
from sogni._version import VERSION

project = "Sogni for Python"
author = "The authors of Sogni for Python"
copyright = "The authors of Sogni for Python"
release = version = VERSION

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
# Types of other libraries have no inventory: a build asks no other computer. The packages share their names on purpose.
nitpicky = False
suppress_warnings = ["ref.python"]

html_theme = "furo"
html_title = f"{project} {VERSION}"
html_show_copyright = False

myst_enable_extensions = ["colon_fence", "substitution"]
myst_heading_anchors = 3
myst_substitutions = {"knobs": faults.knobs(), "faults": faults.faults()}

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True, "show-inheritance": True}
python_use_unqualified_type_names = True
napoleon_numpy_docstring = False
napoleon_custom_sections = [("Shape", "notes_style"), ("Source", "notes_style")]
