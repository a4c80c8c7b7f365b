#!/bin/bash
# Runs bench/gpu.ts on a machine that may have only a GPU and PyTorch: uses the Node in build/gpu (bench/gpu-pack.ts) if there is no Node 24
# or newer. Passes all arguments on: bash bench/gpu.sh [build|test|bench|compile|more|children]...
set -euo pipefail
cd "$(dirname "$0")/.."
new_enough() { command -v "$1" >/dev/null && [ "$("$1" -p 'parseInt(process.versions.node)')" -ge 24 ]; }
fail() { echo "bench/gpu.sh: $1" >&2; exit 1; }

node=node
if ! new_enough node; then
  node=$PWD/build/gpu/node
  if ! new_enough "$node"; then
    [ -f build/gpu/node.xz ] || fail "expected Node 24 or build/gpu/node.xz (made by: node bench/gpu-pack.ts), found neither"
    python3 -c 'import lzma, shutil; shutil.copyfileobj(lzma.open("build/gpu/node.xz"), open("build/gpu/node", "wb"))' ||
      fail "build/gpu/node.xz could not be unpacked with python3"
    chmod +x "$node"
    new_enough "$node" || fail "build/gpu/node does not run on this machine: $("$node" --version 2>&1 || true)"
  fi
fi
if [ ! -d node_modules/zod ]; then
  [ -f build/gpu/packages.tar.xz ] || fail "expected node_modules or build/gpu/packages.tar.xz (made by: node bench/gpu-pack.ts), found neither"
  python3 -c 'import tarfile; tarfile.open("build/gpu/packages.tar.xz").extractall(".")' || fail "build/gpu/packages.tar.xz could not be unpacked with python3"
fi
exec "$node" bench/gpu.ts "$@"
