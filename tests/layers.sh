#!/bin/sh
# A folder sees only the headers it may include: a forbidden include must not compile, an allowed one must.
# Uses the very compile commands of the build. Usage: layers.sh BUILD_FOLDER
set -eu
build=$1
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

compiles() { # module, header
  flags=$(sed -n 's/.*"command": "\(.*\)",*$/\1/p' "$build/compile_commands.json" | grep -F "src/lib$1.a.p/" | head -n 1 |
    sed 's/\\"/"/g; s/ -MD .*//; s/^ccache //; s/^[^ ]* //')
  [ -n "$flags" ] || { echo "no compile command for $1"; exit 1; }
  printf '#include "%s"\nint layer_probe;\n' "$2" >"$tmp/probe.c"
  (cd "$build" && eval cc $flags -Wno-error -fsyntax-only "$tmp/probe.c" >/dev/null 2>&1)
}

status=0
must_compile() { compiles "$1" "$2" || { echo "$1 should be able to include $2"; status=1; }; }
must_not_compile() { if compiles "$1" "$2"; then echo "$1 can include $2, which is forbidden"; status=1; fi; }

for module in model journal store control query; do must_not_compile "$module" hit.h; done
# not even by climbing to it: hit.h refuses to be read behind the door
for module in model journal store control query; do must_not_compile "$module" "$(cd "$(dirname "$0")/.." && pwd)/src/collect/hit.h"; done
for module in collect sieve http; do must_compile "$module" hit.h; done
must_not_compile store journal.h
must_not_compile journal store.h
must_not_compile control store.h
must_not_compile collect event.h
must_not_compile base event.h
must_not_compile query http.h
must_not_compile sieve journal.h
must_compile store event.h
must_compile query store.h
exit $status
