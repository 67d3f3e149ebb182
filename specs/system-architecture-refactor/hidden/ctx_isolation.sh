# Contexts in one thread, interleaved: nothing of one is seen in another.
. hidden/lib.sh
[ -f src/context.h ] || fail "src/context.h is not there"
use_sanitizer address
library -O1 $san
link_test isolation $san
run_test isolation <<'X'
globals @A@ @B@
unbound !unbound variable: only-in-a
symbols 1 10 0
gensym g1 g2 g3 g1
heap 100 0
collect 0 0 1
threshold 1 0
exit exit 3 exit 4 3 4
loops 1 1 (a) ()
later 1 (b)
depth !recursion too deep @B@
nested (@A@ @B@)
inner !inner @A@
output a@A@ b@B@
log 3 0
blocks 1 1
nesting (1 2) !line 1: unterminated list 3
macros @A@ !unbound variable: plus
survivor @B@
many 0 1 4 9 16 25 36 49
X
