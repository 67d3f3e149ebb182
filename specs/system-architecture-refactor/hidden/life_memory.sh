# Memory that runs out: while a context is created, and while it runs.
. hidden/lib.sh
use_sanitizer address
library -O1 $san
link_test memory $san
run_test memory <<'X'
refused 1 0 0
complete 1 @A@
caught "out of memory"
alive @A@
uncaught 1 out of memory
balance 0
X
