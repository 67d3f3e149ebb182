# Posts from many threads: all of them arrive, in order, on the loop's own thread.
. hidden/lib.sh
[ -f src/world.h ] || fail "there is no world for the loop to take part in"
use_sanitizer thread
library -O1 $san
link_test looppost $san
run_test looppost <<'X'
delivered 200 1
order 1
thread 1
lisp (0 1 2 3) 0
chain (5 4 3 2 1 0)
count 4
refused 0 1 -1
pending 2 0
X
