# What nothing uses any more is gone: its names from the code, its symbols from the library.
. hidden/lib.sh
[ -f src/minilisp.h ] || fail "src/minilisp.h is not there"
dead="heap_dump_summary heap_verify_list heap_flip heap_pin heap_unpin sb_put_padded sb_chop log_hexdump
      timer_wheel_init timer_wheel_slot TimerWheel mem_strdup"
source_tokens >"$work/tokens"
for name in $dead pins pin_cap pinned; do
    if grep -m 1 ":$name\$" "$work/tokens"; then
        fail "$name is still there"
    fi
done
# A program may define these names itself now.
library -O0
{
    echo 'int main(void) { return 0; }'
    for name in $dead; do
        echo "int $name(void); int $name(void) { return 0; }"
    done
} >"$work/own.c"
cc $std -w -o "$work/own" "$work/own.c" $objects >"$work/log" 2>&1 || {
    head -n 5 "$work/log"
    fail "the library still defines dead names"
}
# What is commented out or put off.
for f in src/*.[ch]; do
    awk -v f="$f" '
        /^[ \t]*#[ \t]*if[ \t]+0/ || /FIXME/ || /TODO/ || /XXX/ || /[Ll]eft over/ { print f ":" FNR ": " $0; n++ }
        END { exit n > 0 }' "$f" || fail "leftovers in $f"
done
# Every header stands alone, and no external function lacks a prototype.
for h in src/*.h; do
    printf '#include "%s"\n#include "%s"\nint x;\n' "$(basename "$h")" "$(basename "$h")" >"$work/h.c"
    cc $std -Wall -Wextra -Werror -Isrc -fsyntax-only "$work/h.c" >"$work/log" 2>&1 || {
        head -n 5 "$work/log"
        fail "$h does not stand alone"
    }
done
for c in src/*.c; do
    cc $std -Wall -Wextra -Werror -Wmissing-prototypes -Wstrict-prototypes -Wshadow -Isrc -fsyntax-only "$c" \
        >"$work/log" 2>&1 || { head -n 5 "$work/log"; fail "$c is not tidy"; }
done
echo ok
