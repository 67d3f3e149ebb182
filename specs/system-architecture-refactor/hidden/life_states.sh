# Created, running, stopped, destroyed; hooks newest first; nothing evaluated but while running.
. hidden/lib.sh
use_sanitizer address
library -O1 $san
link_test states $san
run_test states <<'X'
created 0 3 1
started 0 1 -1 1
eval 0 @A@ 1 oops @B@ 2 7
restart -1 1
hooks third second first:@A@
while-running 1 1 0
stopped 2 3 0 -1 -1
readable 1
hook-in-hook outer inner
raising-hook after
unstarted 0 -1 0
stop-twice 1
default 1 2
null 1
X
