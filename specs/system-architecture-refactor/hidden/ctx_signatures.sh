# Everything that touches the interpreter's state takes the context first.
. hidden/lib.sh
[ -f src/context.h ] || fail "src/context.h is not there"
library -O0
link_test signatures
run_test signatures <<'X'
heap 1
objects 1
symbols 1
environments 1
evaluation 1
errors 1
text 1
loop 1
memory 1
script 1
used @A@
X
