# The examples print what they always printed, and so does every test case while the heap is under stress.
. hidden/lib.sh
use_sanitizer address
ASAN_OPTIONS=detect_leaks=0 # other gates look for leaks
export ASAN_OPTIONS
cc $std -O1 $san -Isrc -o "$work/minilisp" src/*.c >"$work/log" 2>&1 || { head -n 5 "$work/log"; fail "it does not build"; }
for golden in hidden/golden/*.out; do
    name=$(basename "$golden" .out)
    for flags in "" "--gc-threshold 64"; do
        $runner "$work/minilisp" $flags "examples/$name.lisp" >"$work/out" 2>"$work/err" ||
            { head -n 3 "$work/err"; fail "examples/$name.lisp $flags ends with an error"; }
        cmp -s "$work/out" "$golden" || fail "examples/$name.lisp $flags prints something else"
    done
done
for name in arith forms lists loop strings; do
    $runner "$work/minilisp" --gc-stress "tests/cases/$name.lisp" >"$work/out" 2>"$work/err" ||
        { head -n 3 "$work/err"; fail "tests/cases/$name.lisp fails under stress"; }
    cmp -s "$work/out" "tests/cases/$name.out" || fail "tests/cases/$name.lisp prints something else under stress"
done
echo ok
