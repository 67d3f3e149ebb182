# The loop's callbacks are roots as long as they may be called, and not a moment longer.
. hidden/lib.sh
[ -f src/world.h ] || fail "there is no world for the loop to take part in"
use_sanitizer address
library -O1 $san
link_test loopgc $san
run_test loopgc <<'X'
timers 1 1
fired 20 @A@
released 1
cancelled 1
repeating (3 @B@)
ended 1
watch "x@A@" 1
replaced "second"
unwatched 1
posted 1 (2 1 0) 1
self 2
stress done
stats 0 0 0
X
