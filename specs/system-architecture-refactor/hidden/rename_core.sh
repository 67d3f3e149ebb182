# The old names of values, heap, symbols and environments are gone from the code.
. hidden/lib.sh
source_tokens >"$work/tokens"
grep -E '^(gc_|heap2|HEAP2|Heap|obj2|Obj|car2|cdr2|int2|sym2|SYM2|env2|RootFrame|Builtin)' hidden/old_names.txt >"$work/old"
awk -F: 'NR == FNR { old[$1] = 1; next } $NF in old { print; n++ } END { exit n > 0 }' "$work/old" "$work/tokens" \
    >"$work/hits" || { head -n 10 "$work/hits"; fail "$(grep -c . "$work/hits") uses of old names are left"; }
awk -F: '{ seen[$NF] = 1 } END {
    n = split("heap_alloc heap_collect heap_enter heap_leave obj_cons obj_car obj_list2 sym_intern env_bind Obj RootFrame", want, " ")
    for (i = 1; i <= n; i++) if (!(want[i] in seen)) { print "not there: " want[i]; bad = 1 }
    exit bad }' "$work/tokens" || fail "new names are missing"
echo ok
