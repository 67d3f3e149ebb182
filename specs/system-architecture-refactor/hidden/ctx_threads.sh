# Contexts at the same time, each in a thread of its own: they share nothing.
. hidden/lib.sh
[ -f src/context.h ] || fail "src/context.h is not there"
use_sanitizer thread
library -O1 $san
link_test ctxthreads $san
run_test ctxthreads <<'X'
thread-0 (0 @A@ 610 (1 2 3 5 8) "k-0" g1 2) !bad 0
thread-1 (1 @A@ 610 (1 2 3 5 8) "k-1" g1 2) !bad 1
thread-2 (2 @A@ 610 (1 2 3 5 8) "k-2" g1 2) !bad 2
thread-3 (3 @A@ 610 (1 2 3 5 8) "k-3" g1 2) !bad 3
collected 1
X
