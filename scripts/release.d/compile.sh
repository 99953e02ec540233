# zlib, OpenSSL and CPython, compiled by zig for glibc 2.28 on either architecture.
# shellcheck shell=bash disable=SC2154  # $tools, $sources, $recipes: set by scripts/release

glibc=2.28

machine() { case $1 in amd64) echo x86_64 ;; arm64) echo aarch64 ;; esac; }

# compiler ARCH FOLDER : put cc, ar and ranlib for ARCH first on PATH. They have plain names, and no
# flag that names a folder, since both end up in what is built. The prefix map comes from here too.
compiler() {
  local folder=$2/compiler zig
  zig=$(echo "$tools"/lib/python3*/site-packages/ziglang/zig)
  mkdir -p "$folder"
  export ZIG_GLOBAL_CACHE_DIR=$2/zig ZIG_LOCAL_CACHE_DIR=$2/zig
  printf '#!/bin/sh\nexec %s cc -target %s-linux-gnu.%s -fno-sanitize=undefined -ffile-prefix-map=%s=. "$@"\n' \
    "$zig" "$(machine "$1")" "$glibc" "$2" >"$folder/cc"
  printf '#!/bin/sh\nexec %s ar "$@"\n' "$zig" >"$folder/ar"
  printf '#!/bin/sh\nexec %s ranlib "$@"\n' "$zig" >"$folder/ranlib"
  chmod +x "$folder"/*
  export PATH=$folder:$PATH CC=cc AR=ar RANLIB=ranlib
  export SOURCE_DATE_EPOCH=0 TZ=UTC LC_ALL=C
}

# unpack PACKAGE FOLDER : its source, with the patches of the pin.
unpack_source() {
  local kind name file
  mkdir -p "$2"
  tar xf "$sources/$(pinned "$1" tarball)" -C "$2" --strip-components=1
  for file in $(pinned "$1" patch); do
    echo "patch $file"
    patch -d "$2" -p1 --no-backup-if-mismatch -s <"$sources/$file"
  done
}

# build_native ARCH FOLDER : FOLDER/usr/{lib,include} of zlib and OpenSSL, both static.
build_native() {
  local work=$2/work
  mkdir -p "$work"
  compiler "$1" "$work"
  unpack_source zlib "$work/zlib"
  unpack_source openssl "$work/openssl"
  (
    cd "$work/zlib"
    CHOST=$(machine "$1")-linux-gnu CFLAGS="-O3 -fPIC" ./configure --static --prefix=/usr
    make -j2 libz.a
    install -D -m 644 -t "$2/usr/lib" libz.a
    install -D -m 644 -t "$2/usr/include" zlib.h zconf.h
    install -D -m 644 -t "$2/licenses/zlib" LICENSE
  )
  (
    cd "$work/openssl"
    ./Configure "linux-$(machine "$1")" no-shared no-tests no-apps no-docs no-module no-legacy \
      no-engine no-autoload-config --prefix=/usr --openssldir=/etc/ssl --libdir=lib
    make -j2 build_sw
    make install_dev DESTDIR="$2"
    install -D -m 644 -t "$2/licenses/openssl" LICENSE.txt
  )
  rm -rf "$work" "$2"/usr/lib/pkgconfig "$2"/usr/lib/cmake
}

# build_python ARCH NATIVE PYTHON FOLDER : the interpreter alone as FOLDER/airgap, with our main;
# and FOLDER/lib/python3.13, its library. PYTHON is one of the same version that runs here; without
# it, what is built runs here itself and becomes FOLDER/bin/python3.13.
build_python() {
  local native=$2 python=$3 folder=$4 work=$4/work host
  host=$(machine "$1")-linux-gnu
  mkdir -p "$work"
  compiler "$1" "$work"
  unpack_source python3.13 "$work/python"
  cd "$work/python"
  # The date of the build is an error to zig, and no part of a program that is always the same.
  sed -i '1i #define DATE "Jan  1 1980"\n#define TIME "00:00:00"' Modules/getbuildinfo.c
  local options=(--build=x86_64-linux-gnu) name
  if [ -n "$python" ]; then
    options=(--build=x86_64-linux-gnu --host="$host" --with-build-python="$python"
      ac_cv_file__dev_ptmx=yes ac_cv_file__dev_ptc=no ac_cv_buggy_getaddrinfo=no)
  fi
  for name in _bz2 _lzma _dbm _gdbm readline _curses _curses_panel _sqlite3 _uuid _tkinter _ctypes \
    xxlimited xxlimited_35 xxsubtype; do
    options+=("py_cv_module_$name=n/a")
  done
  PKG_CONFIG_LIBDIR=/nowhere MODULE_BUILDTYPE=static CFLAGS="-fPIC -O3" \
    ZLIB_CFLAGS="-I$native/usr/include" ZLIB_LIBS="-L$native/usr/lib -lz" \
    ./configure --prefix=/usr --with-openssl="$native/usr" --disable-test-modules \
    --without-ensurepip --without-doc-strings "${options[@]}"
  cp Modules/Setup.stdlib Modules/Setup.local
  make -j2 python
  link_main "$folder"
  mkdir -p "$folder/bin" "$folder/lib/python3.13/lib-dynload"
  [ -n "$python" ] || install python "$folder/bin/python3.13"
  cp -r Lib/. "$folder/lib/python3.13"
  install -D -m 644 -t "$folder/licenses/python" LICENSE Doc/license.rst
  install -D -m 644 -t "$folder/licenses/expat" Modules/expat/COPYING
  install -d "$folder/licenses/hacl"
  sed '/\*\//q' Modules/_hacl/Hacl_Hash_SHA2.c >"$folder/licenses/hacl/LICENSE"
  cd /
  rm -rf "$work"
}

# link_main FOLDER : link again, with our main in place of Python's, and without symbols.
link_main() {
  cc -O2 -fPIC -I. -IInclude -c "$recipes/main.c" -o Programs/python.o
  rm -f python-of-make
  cp python python-of-make
  make python LINKCC="cc -s"
  mv python "$1/airgap"
  mv python-of-make python
}
