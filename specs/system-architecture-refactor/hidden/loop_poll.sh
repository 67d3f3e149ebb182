# A loop that waits holds nobody up, and nobody holds it up.
. hidden/lib.sh
[ -f src/world.h ] || fail "there is no world for the loop to take part in"
use_sanitizer thread
library -O1 $san
link_test looppoll $san
run_test looppoll <<'X'
collected 1 1
stopped 1 1
held 1 1
woken 1 1
stop 1 0
worker-end 1 (@A@)
waits 1
X
