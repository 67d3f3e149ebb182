# The tests that the repository brings.
. hidden/lib.sh
cc $std -O1 -Isrc -o "$work/minilisp" src/*.c >"$work/log" 2>&1 || { head -n 5 "$work/log"; fail "it does not build"; }
sh tests/run.sh "$work/minilisp" >"$work/out" 2>&1 || { tail -n 12 "$work/out"; fail "tests/run.sh fails"; }
tail -n 1 "$work/out"
[ "$(tail -n 1 "$work/out")" = "18 passed, 0 failed" ] || fail "not every test ran"
