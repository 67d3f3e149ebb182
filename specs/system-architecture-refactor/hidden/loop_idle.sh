# The loop uses its waits to collect, and outlives the errors of its callbacks.
. hidden/lib.sh
[ -f src/world.h ] || fail "there is no world for the loop to take part in"
use_sanitizer address
library -O1 $san
link_test loopidle $san
run_test loopidle <<'X'
idle 1 1
quiet 1
busy 0
error !first @A@
again 1 (second)
other !in watch
watch-again "kept"
exit exit 5
after-exit 1
nested !run-loop: already running
stop-early 1 1
X
