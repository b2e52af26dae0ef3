#!/bin/sh
# Compiles src/enrich/process/ebpf/owner.bpf.c into the blobs that the package ships. Needed only after a change of it.
# Debian: apt install clang bpftool libbpf-dev. Any kernel will do: the blobs are fitted to a kernel when they are loaded.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
source="$root/src/enrich/process/ebpf"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$source" # no path of this machine gets into the blobs, and every machine makes the same
for tier in A B; do
  clang -O2 -g -Wall -target bpf -mcpu=v3 -DTIER_$tier -I. -I"/usr/include/$(uname -m)-linux-gnu" \
    -fdebug-compilation-dir=. -c owner.bpf.c -o "$work/owner.o"
  bpftool gen skeleton -L "$work/owner.o" name owner >"$work/owner.h"
  node "$root/scripts/bpf-blob.mjs" "$work/owner.h" "blobs/owner-$(echo $tier | tr AB ab).blob" owner.bpf.c kernel.h
done
