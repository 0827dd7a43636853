"""How large the report of a sweep is, how long it takes to make, and to open in Chromium.

    python benchmarks/report_page.py DIR

DIR is a sweep's folder. Opening is measured three times, each in a fresh browser.
"""

import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "verifier" / "report"))
from browser import CHROMIUM, DRIVER, browsing

from ballproof.verifier.report.page import report_page
from ballproof.verifier.study.store import opened

READABLE = "return performance.getEntriesByType('navigation')[0].loadEventEnd / 1000"
DRAWN = "return performance.now() / 1000"


def main(folder: str) -> None:
    """Print size and times."""
    with opened(Path(folder)) as store:
        models, results = store.models(), store.results()
        started = time.perf_counter()
        page = report_page(models, results, store.certificate_bytes, store.settings)
        seconds = time.perf_counter() - started
    print(f"{len(models)} models, {len(results)} results")
    print(f"page: {len(page) / 2**20:.1f} MiB, made in {seconds:.1f} s")
    if not (CHROMIUM and DRIVER):
        print("chromium or chromedriver is not installed: opening is not measured")
        return
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "report.html"
        path.write_bytes(page)
        for _ in range(3):
            with browsing() as browser:
                browser.open(path)
                drawn, readable = browser.run(DRAWN), browser.run(READABLE)
                print(f"open and readable: {readable:.1f} s; all pictures drawn: {drawn:.1f} s")


if __name__ == "__main__":
    main(sys.argv[1])
