# The Python side of a release: tools, wheels, and the archive behind the interpreter.
# shellcheck shell=bash disable=SC2154  # set by scripts/release

build_tools() {
  python3 -m venv "$1"
  "$1/bin/python" -m pip install --disable-pip-version-check --require-hashes -r requirements-release.txt
}

# What airgap needs to run; setuptools and wheel are for building alone.
run_requirements() {
  awk '/^(setuptools|wheel)==/ { skip = 1 } /^[a-z]/ && !/^(setuptools|wheel)==/ { skip = 0 } !skip' \
    requirements.txt
}

# fetch_wheels ARCH FOLDER : the pinned wheels, for that architecture and CPython 3.13.
fetch_wheels() {
  local minor platforms=()
  for minor in 28 27 26 24 17; do
    platforms+=(--platform "manylinux_2_${minor}_$(machine "$1")")
  done
  run_requirements >"$2/requirements.txt"
  "$tools/bin/python" -m pip download --disable-pip-version-check --require-hashes --no-deps \
    --only-binary :all: --implementation cp --python-version 3.13 --abi cp313 --abi abi3 --abi none \
    "${platforms[@]}" --platform "manylinux2014_$(machine "$1")" \
    -r "$2/requirements.txt" --dest "$2"
}

build_wheel() {
  "$tools/bin/python" -m build --no-isolation --outdir "$1" . >"$work/build.log" 2>&1 || {
    tail -n 20 "$work/build.log" >&2
    return 1
  }
}

# assemble ARCH FILE : the interpreter with the archive behind it; where it runs here, a twin of it
# first imports every module inside.
assemble() {
  local python zig
  python=$(python "$1")
  zig=$work/licences/$1/zig
  mkdir -p "$zig"
  # Of the compiler: its own start code and helpers are linked in.
  cp "$tools"/lib/python3*/site-packages/ziglang/LICENSE "$zig"
  cp "$tools"/lib/python3*/site-packages/ziglang/lib/libc/glibc/LICENSES "$zig/glibc"
  "$(python amd64)/bin/python3.13" -I -B "$recipes/assemble.py" --machine "$(machine "$1")" \
    --interpreter "$python/airgap" --library "$python/lib/python3.13" \
    --wheels "$(wheels "$1")" --own "$recipes" --output "$2" --check "$work/check-$1" \
    --licences "$(native "$1")/licenses" "$python/licenses" "$work/licences/$1" -- dist/*.whl
  if grep -aq "$cache" "$2"; then die "$2 names the folder that it was built in"; fi
  if [ "$1" = "$(dpkg --print-architecture)" ]; then
    "$work/check-$1" >&2 || die "modules inside $2 cannot be imported"
  fi
}
