# The new names are functions that work. The same questions are put with and without a context.
. hidden/lib.sh
use_sanitizer address
library -O1 $san
cat >"$work/expected" <<'X'
intern 1 1 0
text @A@
cons (@A@ . "s@B@")
kept (@A@ @B@)
freed 1
live 1
stats 1 1
env @A@ @B@ 77
bind (@A@ @B@)
unbound 1 unbound variable: nowhere
raised 1 boom @A@
wrong 1 car: expected pair, got integer
equal 1 0 1
sb <@A@|x>
read (a "b" #(1 @B@) (quote c)) 2 1
complete 1 0
timers 1 2 3 1 0
popped 2 1
rearmed 1
loop 2 1
fired (two one)
applied @A@
type pair vector
list2 (@A@ @B@)
X
answered=
for variant in "" "-DWITH_CONTEXT"; do
    [ -n "$variant" ] && [ ! -f src/context.h ] && continue
    if (link_test rename $san $variant && run_test rename <"$work/expected") >"$work/log$variant" 2>&1; then
        answered=1
        cat "$work/log$variant"
        break
    fi
done
[ -n "$answered" ] || { cat "$work"/log* | head -n 12; fail "the renamed interface does not work"; }
