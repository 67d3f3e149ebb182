# The command line: options, streams and exit statuses.
. hidden/lib.sh
cc $std -O1 -Isrc -o "$work/minilisp" src/*.c >"$work/log" 2>&1 || { head -n 5 "$work/log"; fail "it does not build"; }
bin=$work/minilisp
# check NAME STATUS OUTPUT ERROR-PATTERN ARGUMENTS... <INPUT
check() {
    name=$1 status=$2 output=$3 pattern=$4
    shift 4
    "$bin" "$@" >"$work/out" 2>"$work/err"
    code=$?
    [ "$code" = "$status" ] || fail "$name: status $code, not $status"
    [ "$(cat "$work/out")" = "$output" ] || fail "$name: prints '$(head -n 3 "$work/out")', not '$output'"
    if [ -z "$pattern" ]; then
        [ ! -s "$work/err" ] || fail "$name: says '$(head -n 1 "$work/err")'"
    else
        grep -q -- "$pattern" "$work/err" || fail "$name: standard error is '$(head -n 1 "$work/err")'"
    fi
}
check version 0 "minilisp 1.4" "" --version </dev/null
"$bin" --help >"$work/out" || fail "--help fails"
grep -q 'usage: minilisp' "$work/out" || fail "--help says nothing"
check text 0 "$((A + B))" "" -e "(+ $A $B)" </dev/null
check several 0 "\"x\"" "" -e '1 2 "x"' </dev/null
check unspecified 0 "" "" -e '(when #f 1)' </dev/null
check error 1 "" "^error: boom $A \"s\"\$" -e "(error \"boom\" $A \"s\")" </dev/null
check syntax 1 "" "^error: line 1: unterminated list" -e "(1 2" </dev/null
check exit 9 "" "" -e "(exit 9)" </dev/null
check unbound 1 "" "^error: unbound variable: nope\$" -e "nope" </dev/null
check bad-option 2 "" "bad argument: --nope" --nope </dev/null
check two-files 2 "" "bad argument: b" a b </dev/null
check no-file 1 "" "^error: cannot open $work/none.lisp" "$work/none.lisp" </dev/null
printf '(define x %s)\n(define (f y)\n  (* x y))\n(f 3)\n(car 5)\n(f 4)\n' "$A" >"$work/repl"
check repl 0 "x
f
$((A * 3))
$((A * 4))" "^error: car: expected pair, got integer" <"$work/repl"
printf '(exit 5)\n(print 1)\n' >"$work/repl"
check repl-exit 5 "" "" <"$work/repl"
printf '(+ 1' >"$work/repl"
check repl-half 1 "" "unterminated list" <"$work/repl"
printf '(define y %s)\n' "$B" >"$work/part.lisp"
printf '(load "%s/part.lisp")\n(print (+ y 1))\n' "$work" >"$work/whole.lisp"
check load 0 "$((B + 1))" "" "$work/whole.lisp" </dev/null
check stats 0 "3" "^heap: [0-9]* live, [0-9]* allocated, [0-9]* freed, [0-9]* collections\$" --gc-stats -e "(+ 1 2)" </dev/null
check stress 0 "(0 1 2)" "" --gc-stress -e "(iota 3)" </dev/null
check threshold 0 "1000" "" --gc-threshold 10 -e "(length (iota 1000))" </dev/null
check verbose 0 "2" "minilisp\[debug\]: collection" -vvv -e "(begin (gc) 2)" </dev/null
check quiet 0 "2" "" -v -e "(begin (gc) 2)" </dev/null
# What was printed before an error is there, before the error.
"$bin" -e '(begin (display "first") (newline) (error "second"))' >"$work/both" 2>&1
[ "$(cat "$work/both")" = "first
error: second" ] || fail "the output and the error are out of order"
echo ok
