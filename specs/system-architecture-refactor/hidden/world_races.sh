# Threads that allocate, intern, define and collect at the same time: under the thread sanitizer.
. hidden/lib.sh
[ -f src/world.h ] || fail "src/world.h is not there"
use_sanitizer thread
library -O1 $san
link_test roots $san
run_test roots <hidden/roots_expected.txt
link_test stress $san
run_test stress <<'X'
same 1
distinct 1
wrong 0
value @A@
X
