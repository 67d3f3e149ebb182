# The stop-the-world protocol between plain C threads, under the thread sanitizer.
. hidden/lib.sh
[ -f src/world.h ] || fail "src/world.h is not there"
use_sanitizer thread
library -O1 $san
link_test protocol $san
run_test protocol <<'X'
owner 1 -1 -1 0
attached 5 0
moving 1
stopped 1 4 0 1
nested 1 1
resumed 1
lisp 1 5 done
blocking 1 1
held 1 0
freed 1
attach 1 0
late 1
competing 800 1
unstopped 1
left 1 0
X
