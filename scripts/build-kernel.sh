#!/bin/sh
# Compiles src/core/head-kernel/ to WebAssembly and writes it as text into src/core/head-kernel-code.ts. Needed only
# after a change of it. Debian: apt install clang lld.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# stack and constants below 16 kB, the memory is the caller's
clang --target=wasm32 -O2 -msimd128 -mbulk-memory -ffreestanding -nostdlib -fno-strict-aliasing -Wall -Wextra -Wno-int-to-pointer-cast \
  -Wl,--no-entry -Wl,--import-memory -Wl,--stack-first -Wl,-z,stack-size=8192 -Wl,--strip-all \
  -o "$work/kernel.wasm" "$root"/src/core/head-kernel/*.c
{
  echo "/** WebAssembly of head-kernel/, made by scripts/build-kernel.sh. */"
  echo "export const KERNEL_CODE ="
  base64 -w 100 "$work/kernel.wasm" | sed -e 's/.*/  "&" +/' -e '$ s/ +$/;/'
} >"$root/src/core/head-kernel-code.ts"
wc -c "$work/kernel.wasm"
