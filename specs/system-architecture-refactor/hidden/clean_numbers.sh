# One reading of integers, for the reader and for string->number.
. hidden/lib.sh
use_sanitizer address
library -O1 $san
link_test numbers $san
run_test numbers <<'X'
parsed 1 @A@ 1 -@B@ 1 0 1 7
prefix 1 12
not 0 0 0 0 0 0 0
limits 1 9223372036854775807 1 -9223372036854775808
beyond -1 -1 -1
untouched 42
mixed 0
lisp (@A@ -@B@ 5 #f #f #f)
same (#t #t #t)
reader !line 2: integer out of range: 9223372036854775808
reader-low !line 1: integer out of range: -9223372036854775809
edge (9223372036854775807 -9223372036854775808)
out (#f #f)
symbols (+ - -x 1+)
X
