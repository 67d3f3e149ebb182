# One length of lists, safe with every list, wherever lists are taken apart.
. hidden/lib.sh
use_sanitizer address
library -O1 $san
link_test lists $san
run_test lists <<'X'
length 0 1 7 -1 -1 -2 -2 -2 -2
long @A@
lisp (0 3)
improper !length: not a list
circular !length: not a list
list? (#t #f #f #t)
vector !list->vector: not a list
vector-round !list->vector: not a list
apply !apply: not a list
apply-round !apply: not a list
call !call: not a list
map !map: not a list
filter !filter: not a list
for-each !for-each: not a list
fold !fold: not a list
reverse !reverse: not a list
append !append: not a list
append-last (1 2 . 3)
sort !sort: not a list
fine (2 3 @B@)
X
