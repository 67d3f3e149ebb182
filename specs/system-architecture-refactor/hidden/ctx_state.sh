# No source keeps writable data of static storage: looked for in the assembler's input, where no name can hide it.
. hidden/lib.sh
[ -f src/context.h ] || fail "src/context.h is not there"
printf '#include "context.h"\nsize_t size = sizeof(struct Context);\nContext *(*fn)(void) = context_new;\n' >"$work/c.c"
cc $std -Isrc -fsyntax-only "$work/c.c" 2>/dev/null || fail "src/context.h has no complete struct Context or no context_new"
for c in src/*.c; do
    cc $std -O0 -g0 -fno-common -Isrc -S -o "$work/out.s" "$c" 2>"$work/log" || {
        head -n 5 "$work/log"
        fail "$c does not compile"
    }
    awk -v file="$c" '
        /^[ \t]*\.(text|data|bss)([ \t]|$)/ { section = $1; writable = section != ".text"; next }
        /^[ \t]*\.(section|pushsection)/ {
            section = $0
            sub(/^[ \t]*\.(push)?section[ \t]*/, "", section)
            flags = section
            writable = section ~ /__data|__bss|__common|__thread/
            if (sub(/^[^,]*,[ \t]*"/, "", flags)) {
                sub(/".*/, "", flags)
                writable = flags ~ /w/ && section !~ /^\.data\.rel\.ro/
            } else if (section ~ /^\.(data|bss|tdata|tbss)/ && section !~ /^\.data\.rel\.ro/)
                writable = 1
            next
        }
        /^[ \t]*\.popsection/ { writable = 0; next }
        /^[ \t]*\.(comm|lcomm|zerofill|tbss)[ \t]/ { print file ": writable data: " $2; next }
        writable && /^[A-Za-z_.$][A-Za-z0-9_.$]*:/ { print file ": writable data: " $1; next }
        writable && /^[ \t]*\.(zero|quad|long|byte|skip|space|xword|word|dword|8byte|4byte)/ { print file ": writable data in " section; writable = 0 }' "$work/out.s"
done >"$work/found"
if [ -s "$work/found" ]; then
    head -n 10 "$work/found"
    fail "$(grep -c . "$work/found") objects of static storage are writable"
fi
echo ok
