"""An audit as one self-contained page: nothing is fetched."""

from __future__ import annotations

from pathlib import Path

from ballproof.verifier.audit.run import Audit
from ballproof.verifier.proving.extras import MissingExtraError
from ballproof.verifier.proving.recheck import verdict_line

FOLDER = Path(__file__).parent
STYLE = FOLDER.parent / "report" / "page.css"


def require_jinja() -> None:
    """Raise MissingExtraError where jinja2 is missing."""
    try:
        import jinja2  # noqa: F401
    except ImportError:
        raise MissingExtraError("The page", "jinja2", "report") from None


def audit_page(model: str, certificate: str, audit: Audit) -> bytes:
    """Return the page as UTF-8 HTML; whatever the certificate says is text on it, never markup."""
    require_jinja()
    import jinja2
    from markupsafe import Markup  # Comes with jinja2.

    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    template = environment.from_string((FOLDER / "page.html").read_text(encoding="utf-8"))
    page = template.render(
        model=model,
        certificate=certificate,
        line=verdict_line(audit.verdict),
        audit=audit,
        css=Markup(STYLE.read_text(encoding="utf-8")),
    )
    return str(page).encode()
