#!/bin/sh
# run.sh BINARY - run every case and compare its output (standard output, then
# standard error, then the exit status) with what is expected.
bin=${1:-./minilisp}
dir=$(dirname "$0")/cases
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
passed=0
failed=0
for case in "$dir"/*.lisp; do
    name=$(basename "$case" .lisp)
    for flags in "" "--gc-threshold 50"; do
        "$bin" $flags "$case" >"$tmp/out" 2>"$tmp/err"
        code=$?
        {
            cat "$tmp/out"
            sed 's/^/stderr: /' "$tmp/err"
            [ "$code" = 0 ] || echo "status: $code"
        } >"$tmp/all"
        if cmp -s "$tmp/all" "$dir/$name.out"; then
            passed=$((passed + 1))
        else
            failed=$((failed + 1))
            echo "FAIL: $name $flags"
            diff "$dir/$name.out" "$tmp/all" | head -n 10
        fi
    done
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
