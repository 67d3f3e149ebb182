# The files have their new names, and each header stands by its new guard.
. hidden/lib.sh
for m in heap obj symbol env eval loop reader printer; do
    for e in c h; do
        [ -e "src/${m}2.$e" ] && fail "src/${m}2.$e is still there"
        [ -f "src/$m.$e" ] || fail "src/$m.$e is not there"
    done
    guard=MINILISP_$(echo "$m" | tr a-z A-Z)_H
    printf '#include "%s.h"\n#ifndef %s\n#error no guard\n#endif\n#ifdef %s\n#error old guard\n#endif\n#include "%s.h"\nint x;\n' \
        "$m" "$guard" "$(echo "$guard" | sed 's/_H$/2_H/')" "$m" >"$work/h.c"
    cc $std -Wall -Werror -Isrc -fsyntax-only "$work/h.c" >"$work/log" 2>&1 ||
        { head -n 5 "$work/log"; fail "src/$m.h does not stand alone behind $guard"; }
done
if grep -nE '#[[:space:]]*include[[:space:]]*"[a-z]*2\.h"' src/*.[ch]; then
    fail "an old header is included"
fi
library -O0
echo ok
