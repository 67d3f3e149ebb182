# The Makefile builds the program, and no source draws a warning.
. hidden/lib.sh
command -v make >/dev/null 2>&1 || { echo "missing tool: make"; exit 126; }
make -j2 BUILD="$work/build" BIN="$work/minilisp" CFLAGS="-O2 -g -Werror" >"$work/log" 2>&1 || {
    grep -m 8 'error\|warning' "$work/log"
    fail "make does not succeed without a warning"
}
[ "$("$work/minilisp" -e "(* $A $B)")" = $((A * B)) ] || fail "the program does not calculate"
ls src/*.c | grep -q . || fail "no sources"
for c in src/*.c; do
    [ "$c" = src/main.c ] && continue
    printf '%s\n' "$c"
done >"$work/sources"
tokens src/main.c | grep -q ':main$' || fail "main is not in src/main.c"
# shellcheck disable=SC2046
tokens $(cat "$work/sources") | grep ':main$' && fail "main is not alone in src/main.c"
echo ok
