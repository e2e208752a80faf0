"""What axe-core has to say of a page, through all shadow roots."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe

# Violations of the libraries, by axe's rule and what the element has in it; all others are ours.
LIBRARIES = {
    "aria-progressbar-name": "MuiLinearProgress-root",  # Page's busy bar, also where it is switched off
    "aria-prohibited-attr": 'aria-label="Resize sidebar"',  # Page's handle
    "empty-heading": "MuiTypography-h5",  # the room that Page's drawers leave for its bar
    "heading-order": "MuiTypography-h5",
    "landmark-unique": '<nav class="MuiBox-root',  # Page's two drawers
}


def violations(page):
    """Return axe-core's complaints about what is ours: the rule, the element, and why."""
    found = Axe().run(page).response["violations"]
    nodes = [(rule["id"], node["html"][:200], node["failureSummary"]) for rule in found for node in rule["nodes"]]
    return [node for node in nodes if LIBRARIES.get(node[0], "\0") not in node[1]]
