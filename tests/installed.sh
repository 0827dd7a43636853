#!/usr/bin/env bash
# What a user installs: sdist and wheel are built, the wheel goes into an empty environment, and the
# command, the library and the packed checker run in an empty folder beside foreign packages whose
# names are our folders'. Run as `make test-installed`, from the root of a clone.
set -euo pipefail
python=${PYTHON:-python3}
root=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$python" -m venv "$work/build"
"$work/build/bin/python" -m pip install --quiet build
"$work/build/bin/python" -m build --outdir "$work/dist" "$root" >"$work/build.log" 2>&1 ||
  { cat "$work/build.log"; exit 1; }

"$python" -m venv "$work/env"
"$work/env/bin/python" -m pip install --quiet "$work"/dist/*.whl
unset PYTHONPATH
mkdir "$work/user"
cd "$work/user"
for name in interval models verifier certificates; do
  mkdir "$name"
  echo "theirs = True" >"$name/__init__.py"
done

echo "beside foreign packages: the command, the module, the library"
"$work/env/bin/ballproof" --version
"$work/env/bin/python" -m ballproof info max-of-4-seed-123 >info.txt
"$work/env/bin/python" -c '
import ballproof, models, interval, verifier, certificates
import ballproof.models, ballproof.verifier.commands
assert all(package.theirs for package in (models, interval, verifier, certificates))
'
test "$("$work/env/bin/python" -c '
from importlib.metadata import files
print(*sorted({path.parts[0] for path in files("ballproof") if path.parts[0][0] != "."}))
' | tr " " "\n" | grep -vc "^ballproof")" = 0

echo "the demo, and the packed checker on what it wrote"
"$work/env/bin/ballproof" demo
site=$("$work/env/bin/python" -c 'import ballproof.certificates as c; print(c.CHECKER.parent)')
"$work/env/bin/python" "$site/pack.py" checker.pyz
zoo=$("$work/env/bin/python" -c 'import ballproof.models as m; print(m.__path__[0])')/zoo
"$python" -I -S checker.pyz "$zoo/max-of-4-seed-123.safetensors" \
  out/max-of-4-seed-123-exact.json --at-least 0.999
echo "what is installed works"
