# Sourced: `interpreter 3.12` prints a Python of that version which can make environments, from PATH
# or from pyenv's versions, and fails where there is none.
interpreter() {
  local root candidate
  root=${PYENV_ROOT:-$(pyenv root 2>/dev/null || echo "$HOME/.pyenv")}
  for candidate in $(type -aP "python$1") "$root"/versions/"$1"*/bin/"python$1"; do
    # A shim of pyenv is on PATH also where its version is not chosen, and does not run then.
    if [ -x "$candidate" ] && "$candidate" -c 'import ensurepip, ssl, venv' 2>/dev/null; then
      echo "$candidate"
      return
    fi
  done
  return 1
}
