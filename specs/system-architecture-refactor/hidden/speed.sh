# Not slower than several times what it was: seconds of processor time, whatever else the machine does.
. hidden/lib.sh
cc $std -O2 -Isrc -o "$work/minilisp" src/*.c >"$work/log" 2>&1 || { head -n 5 "$work/log"; fail "it does not build"; }
cat >"$work/work.lisp" <<'X'
(define (fib n) (if (< n 2) n (+ (fib (- n 1)) (fib (- n 2)))))
(print (fib 27))
(define (churn n) (if (= n 0) 'done (begin (map (lambda (x) (* x x)) (iota 20)) (churn (- n 1)))))
(print (churn 20000))
(print (length (sort (map (lambda (i) (remainder (* i 7919) 10007)) (iota 9000)) <)))
X
(
    ulimit -t 10 2>/dev/null
    "$work/minilisp" "$work/work.lisp" >"$work/out" 2>"$work/err"
) || fail "it fails or takes more than ten seconds of processor time: $(head -n 1 "$work/err")"
printf '196418\ndone\n9000\n' | cmp -s - "$work/out" || fail "it calculates something else"
echo ok
