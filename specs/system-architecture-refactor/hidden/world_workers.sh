# spawn and join, and contexts that stop while workers run.
. hidden/lib.sh
use_sanitizer address
library -O1 $san
link_test workers $san
run_test workers <<'X'
value @A@
many (0 1 4 9 16 25 36 49)
error !bad @B@
caught "bad"
exited !join: the thread exited
twice (5 5)
kinds (#t #f #<thread>)
arguments !spawn: expected procedure, got integer
loop !event loop: wrong thread
shared 8
survives (0 1 2 3 4 5 6 7 8 9)
nested 6
sleeping 1 1
lines 60 60
after-join 1
stops 1 2
stop-sleep 1
again 1 @A@
balance 0
X
# The command line has threads, too.
cc $std -O1 -Isrc -o "$work/minilisp" src/*.c 2>/dev/null || fail "the program does not link"
"$work/minilisp" -e "(begin (define t (spawn (lambda () (+ $A $B)))) (spawn (lambda () (let loop () (loop)))) (join t))" \
    >"$work/cli" 2>&1 || fail "the program fails with threads"
[ "$(cat "$work/cli")" = $((A + B)) ] || fail "the program's worker answers $(cat "$work/cli")"
