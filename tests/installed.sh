#!/usr/bin/env bash
# What a user installs: the wheel of the last commit goes into an empty environment of each Python
# from 3.11 to 3.14 that is found, and the command, the library and the packed checker run in an
# empty folder beside foreign packages whose names are our folders'. Run as `make test-installed`,
# from the root of a clone; PYTHONS="3.12 3.13" picks versions.
set -euo pipefail
root=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset PYTHONPATH
source tests/interpreters.sh

# install_and_run VERSION PYTHON
install_and_run() {
  local env=$work/$1/env user=$work/$1/user
  mkdir -p "$user"
  "$2" -m venv "$env"
  "$env/bin/python" -m pip install --quiet "$root"/out/dist/*.whl
  cd "$user"
  for name in interval models verifier certificates; do
    mkdir "$name"
    echo "theirs = True" >"$name/__init__.py"
  done

  echo "beside foreign packages: the command, the module, the library"
  "$env/bin/python" --version
  "$env/bin/ballproof" --version
  "$env/bin/python" -m ballproof info max-of-4-seed-123 >info.txt
  "$env/bin/python" -c '
import ballproof, models, interval, verifier, certificates
import ballproof.models, ballproof.verifier.commands
assert all(package.theirs for package in (models, interval, verifier, certificates))
'
  test "$("$env/bin/python" -c '
from importlib.metadata import files
print(*sorted({path.parts[0] for path in files("ballproof") if path.parts[0][0] != "."}))
' | tr " " "\n" | grep -vc "^ballproof")" = 0

  echo "the demo, and the packed checker on what it wrote"
  "$env/bin/ballproof" demo
  local site zoo
  site=$("$env/bin/python" -c 'import ballproof.certificates as c; print(c.CHECKER.parent)')
  "$env/bin/python" "$site/pack.py" checker.pyz
  zoo=$("$env/bin/python" -c 'import ballproof.models as m; print(m.__path__[0])')/zoo
  "$2" -I -S checker.pyz "$zoo/max-of-4-seed-123.safetensors" \
    out/max-of-4-seed-123-exact.json --at-least 0.999
}

found=() missing=()
for version in ${PYTHONS:-3.11 3.12 3.13 3.14}; do
  if python=$(interpreter "$version"); then
    found+=("$version")
    mkdir "$work/$version"
    # Two at a time; what each prints is shown when it has ended.
    while [ "$(jobs -rp | wc -l)" -ge 2 ]; do wait -n || true; done
    (set -e; install_and_run "$version" "$python"; touch "$work/$version/works") \
      >"$work/$version/log" 2>&1 &
  else
    missing+=("$version")
  fi
done
wait
failed=()
for version in "${found[@]}"; do
  echo "=== Python $version"
  cat "$work/$version/log"
  test -e "$work/$version/works" || failed+=("$version")
done
echo "not found, so not tried: ${missing[*]:-none}"
if [ "${#found[@]}" = 0 ] || [ "${#failed[@]}" != 0 ]; then
  echo "what is installed fails: ${failed[*]:-no Python was found}"
  exit 1
fi
echo "what is installed works: ${found[*]}"
