# lib.sh - what the gates share. Every gate builds in a directory of its own and leaves the tree as it was.
# A test program prints its observations behind a word that is new in every run, and this side, another process,
# compares them with what has to come out; a program that ends early or prints something else fails.
set -u
LC_ALL=C
export LC_ALL
for tool in cc awk sed grep find cmp mktemp; do
    command -v "$tool" >/dev/null 2>&1 || { echo "missing tool: $tool"; exit 126; }
done
work=$(mktemp -d) || exit 126
trap 'rm -rf "$work"' EXIT
trap 'exit 125' HUP INT TERM
here=$(pwd)
std="-std=c11 -D_POSIX_C_SOURCE=200809L -pthread -g"

fail() {
    echo "FAIL: $*"
    exit 1
}

# Numbers of this run.
random_number() {
    od -An -N2 -tu2 /dev/urandom | tr -d ' \n'
}
nonce=n$(random_number)$(random_number)$(random_number)
A=$(($(random_number) % 900 + 50))
B=$(($(random_number) % 900 + 50))

# can_run SANITIZER - 0 if programs of that sanitizer run here; sets $runner.
runner=
can_run() {
    runner=
    echo 'int main(void) { return 0; }' >"$work/can.c"
    cc "-fsanitize=$1" -o "$work/can" "$work/can.c" >/dev/null 2>&1 || return 1
    ASAN_OPTIONS=detect_leaks=0 "$work/can" >/dev/null 2>&1 && return 0
    if command -v setarch >/dev/null 2>&1 && ASAN_OPTIONS=detect_leaks=0 setarch -R "$work/can" >/dev/null 2>&1; then
        runner="setarch -R"
        echo "note: running the $1 sanitizer's programs without address randomisation"
        return 0
    fi
    return 1
}

# use_sanitizer NAME - sets $san to the flags, or to nothing, aloud.
san=
use_sanitizer() {
    if can_run "$1"; then
        san="-fsanitize=$1"
    else
        san=
        runner=
        echo "note: the $1 sanitizer cannot run here; judging by behaviour alone"
    fi
    ASAN_OPTIONS=detect_leaks=1:abort_on_error=0:exitcode=67
    TSAN_OPTIONS=halt_on_error=0:exitcode=66:report_thread_leaks=1
    UBSAN_OPTIONS=halt_on_error=1
    export ASAN_OPTIONS TSAN_OPTIONS UBSAN_OPTIONS
}

# library FLAGS... - compile every source but main.c into $work/lib, two at a time.
library() {
    mkdir -p "$work/lib"
    ls src/*.c >/dev/null 2>&1 || fail "no sources in src/"
    objects=
    pids=
    n=0
    for c in src/*.c; do
        [ "$c" = src/main.c ] && continue
        o=$work/lib/$(basename "$c" .c).o
        objects="$objects $o"
        cc $std "$@" -Isrc -c -o "$o" "$c" 2>"$o.log" &
        pids="$pids $!"
        n=$((n + 1))
        if [ $((n % 2)) = 0 ]; then
            for p in $pids; do wait "$p" || :; done
            pids=
        fi
    done
    for p in $pids; do wait "$p" || :; done
    for o in $objects; do
        if [ ! -f "$o" ]; then
            head -n 12 "$o.log"
            fail "the code does not compile: $(basename "$o" .o).c"
        fi
    done
}

# link_test NAME FLAGS... - compile hidden/t_NAME.c with the library into $work/NAME.
link_test() {
    t=$1
    shift
    if ! cc $std -w -Werror=implicit-function-declaration -Werror=incompatible-pointer-types \
        -Werror=int-conversion "$@" -Isrc -Ihidden -o "$work/$t" "hidden/t_$t.c" $objects 2>"$work/$t.log"; then
        head -n 12 "$work/$t.log"
        fail "the test program does not compile or link against the code: what the spec names is not there"
    fi
}

# run_test NAME <EXPECTED - run it and judge what it printed. Lines are "name value"; @A@ and @B@ are this run's.
run_test() {
    t=$1
    sed -e "s/@A@/$A/g" -e "s/@B@/$B/g" >"$work/$t.want"
    echo "end $(grep -c . "$work/$t.want")" >>"$work/$t.want"
    echo "$nonce $A $B" | $runner "$work/$t" >"$work/$t.raw" 2>"$work/$t.err"
    code=$?
    if grep -q 'LeakSanitizer has encountered a fatal error\|LeakSanitizer does not work' "$work/$t.err"; then
        echo "note: leaks cannot be looked for here; once more without that"
        echo "$nonce $A $B" | ASAN_OPTIONS=detect_leaks=0:exitcode=67 $runner "$work/$t" >"$work/$t.raw" 2>"$work/$t.err"
        code=$?
    fi
    sed -n "s/^$nonce //p" "$work/$t.raw" >"$work/$t.got"
    if [ "$code" != 0 ]; then
        grep -m 3 'ERROR: \|WARNING: \|SUMMARY: \|runtime error' "$work/$t.err"
        tail -n 3 "$work/$t.got" | sed 's/^/last: /'
        fail "the test program ended with status $code"
    fi
    if ! cmp -s "$work/$t.want" "$work/$t.got"; then
        awk 'NR == FNR { want[FNR] = $0; n = FNR; next }
             { if ($0 != want[FNR]) { print "expected: " want[FNR]; print "got:      " $0; bad = 1; exit } m = FNR }
             END { if (!bad && m < n) print "missing:  " want[m + 1] }' "$work/$t.want" "$work/$t.got"
        fail "the code does not behave as the spec says"
    fi
    echo "ok: $(grep -c . "$work/$t.got") observations"
}

# tokens FILE... - every identifier outside comments and strings, one a line, as FILE:LINE:NAME.
tokens() {
    [ -x "$work/strip" ] || cc -O1 -o "$work/strip" hidden/strip.c || exit 126
    "$work/strip" "$@"
}

# The sources as they stand, and the text the compiler sees of them.
source_tokens() {
    find . -name hidden -prune -o -name .git -prune -o -name tests -prune -o -type f -name '*.[chCHi]' -print |
        sort >"$work/files"
    tokens $(cat "$work/files")
    for c in src/*.c; do
        if ! cc $std -E -P -Isrc "$c" 2>/dev/null | sed 's/^# .*//' >"$work/pre.c"; then
            fail "cannot preprocess $c"
        fi
        tokens "$work/pre.c" | sed "s|^[^:]*:|$c (preprocessed):|"
    done
}
