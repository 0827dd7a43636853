"""Who adds a strategy changes the list of strategies and no other file."""

import subprocess
import sys
from pathlib import Path


def test_an_invented_strategy_is_served_everywhere():
    script = Path(__file__).parent / "invented.py"
    run = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert "invented (1): not the study's" in run.stdout
    assert run.stdout.endswith('"served"\n')
