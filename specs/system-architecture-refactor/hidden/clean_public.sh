# A program that knows minilisp.h alone can do all that an embedding program has to; the insides stay inside.
. hidden/lib.sh
[ -f src/minilisp.h ] || fail "src/minilisp.h is not there"
mkdir "$work/public"
cp src/minilisp.h src/log.h "$work/public/" || fail "src/log.h is not there"
use_sanitizer address
library -O1 $san
for t in "size_t size = sizeof(struct Context);" "size_t size = sizeof(struct Obj);" \
    "#ifdef MINILISP_HEAP_H
     int x;
     #else
     #error inside
     #endif"; do
    printf '#include <stddef.h>\n#include "minilisp.h"\n%s\n' "$t" >"$work/opaque.c"
    if cc $std -I"$work/public" -fsyntax-only "$work/opaque.c" >/dev/null 2>&1; then
        fail "minilisp.h gives away the insides: $t"
    fi
done
cc $std $san -w -Werror=implicit-function-declaration -Werror=incompatible-pointer-types -Ihidden -I"$work/public" \
    -o "$work/public_test" hidden/t_public.c $objects >"$work/log" 2>&1 || {
    head -n 8 "$work/log"
    fail "a program cannot do with minilisp.h (and log.h) alone"
}
mv "$work/public_test" "$work/embed"
run_test embed <<'X'
version 1
life 0 0 1 3 2
value 0 (@A@ "two" #(3)) 5
plain two
cut (@A
error 1 boom
output hello @B@
hooks 1
exit 2
X
# The command line is such a program.
if sed -n 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*"\(.*\)"/\1/p' src/main.c |
    grep -vxE 'minilisp\.h|script\.h|heap\.h|log\.h'; then
    fail "src/main.c includes more than it may"
fi
cc $std -O1 -Isrc -o "$work/minilisp" src/*.c 2>/dev/null || fail "the program does not link"
version=$(sed -n 's/^#define MINILISP_VERSION "\(.*\)"$/\1/p' src/minilisp.h)
[ "$("$work/minilisp" --version)" = "minilisp $version" ] || fail "--version and MINILISP_VERSION differ"
