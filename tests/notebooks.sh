#!/usr/bin/env bash
# The notebooks as a user runs them: the wheel in a fresh environment, with torch and the library of
# the models where they can be installed. Run as `make test-notebooks`, from the root of a clone;
# LENS="transformer_lens==3.5.0" takes another version.
set -euo pipefail
python=${PYTHON:-python3}
root=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$python" -m venv "$work/env"
"$work/env/bin/python" -m pip install --quiet "$root" nbclient ipykernel pandas
notebooks=(auditing-a-bound)
if "$work/env/bin/python" -m pip install --quiet "torch==2.13.0" "${LENS:-transformer_lens}"; then
  notebooks+=(from-a-model-to-a-certificate)
else
  echo "torch or ${LENS:-transformer_lens} cannot be installed: that notebook is not run"
fi

cd "$work"
for name in "${notebooks[@]}"; do
  "$work/env/bin/python" - "$root/notebooks/$name.ipynb" <<'RUN'
import sys
import time

import nbformat
from nbclient import NotebookClient

started = time.monotonic()
notebook = nbformat.read(sys.argv[1], as_version=4)
NotebookClient(notebook, timeout=600, kernel_name="python3").execute()
outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
pages = [output.data["text/html"] for output in outputs if "text/html" in output.get("data", {})]
assert pages, "no result was shown as a card"
print(f"{sys.argv[1].rsplit('/', 1)[1]}: {len(pages)} cards in {time.monotonic() - started:.0f} s")
RUN
done
test ! -e exact.json || "$work/env/bin/ballproof" check model.safetensors exact.json --at-least 0.999
