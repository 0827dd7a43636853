"""The report as one self-contained page: nothing is fetched, and equal rows give equal bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ballproof.verifier.counting.goal import Progress, silent
from ballproof.verifier.proving.extras import MissingExtraError
from ballproof.verifier.report.coverage import coverage
from ballproof.verifier.report.data import Certificate, picture_data, script_json, study_data
from ballproof.verifier.report.noise import COST_COLUMNS, FACTOR_COLUMNS, noises
from ballproof.verifier.report.published import source
from ballproof.verifier.report.study import families
from ballproof.verifier.report.tables import family_rows, group_tables, headlines
from ballproof.verifier.study.rows import ModelRow, ResultRow

FOLDER = Path(__file__).parent
# In this order: each uses what stands before it.
SCRIPT = ("marks", "study", "noise", "leads", "model", "start")


def require_page_libraries() -> tuple[Any, str]:
    """Return jinja2 and the text of plotly.js; raise MissingExtraError where one is missing."""
    try:
        import jinja2
    except ImportError:
        raise MissingExtraError("The page", "jinja2", "report") from None
    try:
        from plotly.offline import get_plotlyjs
    except ImportError:
        raise MissingExtraError("The page", "plotly", "report") from None
    return jinja2, str(get_plotlyjs())


def report_page(
    models: Sequence[ModelRow],
    results: Sequence[ResultRow],
    certificate: Certificate,
    settings: Mapping[str, str],
    progress: Progress = silent,
) -> bytes:
    """Return the page as UTF-8 HTML.

    `certificate` returns the bytes under a SHA-256; the best subcubic one of each model is read.
    Whatever the rows say is text on the page, never markup.
    """
    jinja2, plotly = require_page_libraries()
    from markupsafe import Markup  # Comes with jinja2.

    studied = families(models, results)
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    template = environment.from_string(_part("page.html"))
    page = template.render(
        headlines=headlines(studied),
        families=family_rows(studied),
        groups=group_tables(studied),
        noises=noises(studied),
        noise_columns=(FACTOR_COLUMNS, COST_COLUMNS),
        coverage=coverage(studied),
        settings={"margin": None, "version": None, "max_operations": None, **settings},
        source=source(),
        css=Markup(_part("page.css")),
        js=Markup(_script()),
        plotly=Markup(plotly),
        study=Markup(script_json(study_data(studied))),
        pictures=Markup(script_json(picture_data(studied, certificate, progress))),
    )
    return str(page).encode()


def _script() -> str:
    """Return the page's script, its parts in one scope of their own."""
    parts = "\n".join(_part(f"script/{name}.js") for name in SCRIPT)
    return f'"use strict";\n(function () {{\n{parts}}})();\n'


def _part(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")
