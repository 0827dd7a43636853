"""Certificates: the format's writer, and `checker/`, the trusted kernel.

The kernel is a folder of scripts that runs by itself (`python3 -I -S certificates/checker`), not a
package to import: it shares no module with anything else.
"""

from pathlib import Path

CHECKER = Path(__file__).parent / "checker"
