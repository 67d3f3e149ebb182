/* builtins_str.c - strings and symbols. */
#include "builtin.h"

#include <ctype.h>
#include <string.h>

#include "error.h"
#include "heap2.h"
#include "strbuf.h"
#include "symbol2.h"

static Obj2 *bi_string_append(int argc, Obj2 **argv)
{
    StrBuf2 sb;
    for (int i = 0; i < argc; i++)
        builtin_typed("string-append", argv[i], T_STR);
    sb2_init(&sb);
    for (int i = 0; i < argc; i++)
        sb2_append_(&sb, argv[i]->u.str.data, argv[i]->u.str.len);
    Obj2 *str = obj2_str(sb.data, sb.len);
    sb2_free(&sb);
    return str;
}

static Obj2 *bi_string_length(int argc, Obj2 **argv)
{
    (void)argc;
    return obj2_int((int64_t)builtin_typed("string-length", argv[0], T_STR)->u.str.len);
}

static Obj2 *bi_substring(int argc, Obj2 **argv)
{
    Obj2 *str = builtin_typed("substring", argv[0], T_STR);
    int64_t len = (int64_t)str->u.str.len;
    int64_t from = builtin_int("substring", argv[1]);
    int64_t to = argc > 2 ? builtin_int("substring", argv[2]) : len;
    if (from < 0 || to > len || from > to)
        err2_raise("substring: index out of range");
    return obj2_str(str->u.str.data + from, (size_t)(to - from));
}

static Obj2 *bi_string_eq(int argc, Obj2 **argv)
{
    (void)argc;
    builtin_typed("string=?", argv[0], T_STR);
    builtin_typed("string=?", argv[1], T_STR);
    return obj2_bool(obj2_equal(argv[0], argv[1]));
}

static Obj2 *bi_string_lt(int argc, Obj2 **argv)
{
    (void)argc;
    builtin_typed("string<?", argv[0], T_STR);
    builtin_typed("string<?", argv[1], T_STR);
    return obj2_bool(strcmp(argv[0]->u.str.data, argv[1]->u.str.data) < 0);
}

static Obj2 *bi_string_to_symbol(int argc, Obj2 **argv)
{
    Obj2 *str = builtin_typed("string->symbol", argv[0], T_STR);
    (void)argc;
    return sym2_intern_len(str->u.str.data, str->u.str.len);
}

static Obj2 *bi_symbol_to_string(int argc, Obj2 **argv)
{
    (void)argc;
    return obj2_cstr(builtin_typed("symbol->string", argv[0], T_SYM)->u.sym.name);
}

static Obj2 *bi_string_upcase(int argc, Obj2 **argv)
{
    Obj2 *str = builtin_typed("string-upcase", argv[0], T_STR);
    Obj2 *copy = obj2_str(str->u.str.data, str->u.str.len);
    (void)argc;
    for (size_t i = 0; i < copy->u.str.len; i++)
        copy->u.str.data[i] = (char)toupper((unsigned char)copy->u.str.data[i]);
    return copy;
}

/* The index of the first occurrence, #f if there is none. */
static Obj2 *bi_string_index(int argc, Obj2 **argv)
{
    Obj2 *str = builtin_typed("string-index", argv[0], T_STR);
    Obj2 *part = builtin_typed("string-index", argv[1], T_STR);
    (void)argc;
    const char *hit = strstr(str->u.str.data, part->u.str.data);
    return hit ? obj2_int(hit - str->u.str.data) : OBJ_FALSE;
}

static Obj2 *bi_string_split(int argc, Obj2 **argv)
{
    Obj2 *str = builtin_typed("string-split", argv[0], T_STR);
    Obj2 *sep = builtin_typed("string-split", argv[1], T_STR);
    Obj2 *slots[2] = {OBJ_NIL, OBJ_NIL};
    RootFrame2 frame;
    (void)argc;
    if (sep->u.str.len != 1)
        err2_raise("string-split: the separator must be one character");
    gc_enter2_(&frame, slots, 2);
    size_t end = str->u.str.len;
    for (size_t i = str->u.str.len + 1; i > 0; i--) {
        if (i > 1 && str->u.str.data[i - 2] != sep->u.str.data[0])
            continue;
        slots[1] = obj2_str(str->u.str.data + i - 1, end - (i - 1));
        slots[0] = obj2_cons(slots[1], slots[0]);
        end = i > 1 ? i - 2 : 0;
    }
    gc_leave2_(&frame);
    return slots[0];
}

static Obj2 *bi_string_join(int argc, Obj2 **argv)
{
    StrBuf2 sb;
    Obj2 *sep = builtin_typed("string-join", argv[1], T_STR);
    (void)argc;
    for (Obj2 *p = argv[0]; p->type == T_PAIR; p = p->u.pair.cdr)
        builtin_typed("string-join", p->u.pair.car, T_STR);
    sb2_init(&sb);
    for (Obj2 *p = argv[0]; p->type == T_PAIR; p = p->u.pair.cdr) {
        sb2_append_(&sb, p->u.pair.car->u.str.data, p->u.pair.car->u.str.len);
        if (p->u.pair.cdr->type == T_PAIR)
            sb2_append_(&sb, sep->u.str.data, sep->u.str.len);
    }
    Obj2 *str = obj2_str(sb.data, sb.len);
    sb2_free(&sb);
    return str;
}

static Obj2 *bi_gensym(int argc, Obj2 **argv)
{
    (void)argc;
    (void)argv;
    return sym2_gensym();
}

void builtin_register_strings(void)
{
    static const BuiltinSpec table[] = {
        {"string-append", bi_string_append, 0, -1},
        {"string-length", bi_string_length, 1, 1},
        {"substring", bi_substring, 2, 3},
        {"string=?", bi_string_eq, 2, 2},
        {"string<?", bi_string_lt, 2, 2},
        {"string->symbol", bi_string_to_symbol, 1, 1},
        {"symbol->string", bi_symbol_to_string, 1, 1},
        {"string-upcase", bi_string_upcase, 1, 1},
        {"string-index", bi_string_index, 2, 2},
        {"string-split", bi_string_split, 2, 2},
        {"string-join", bi_string_join, 2, 2},
        {"gensym", bi_gensym, 0, 0},
    };
    builtin_define_table(table, sizeof table / sizeof table[0]);
}
