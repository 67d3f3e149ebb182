/* builtins_ctl.c - predicates, control, errors and the heap. */
#include "builtin.h"

#include "env2.h"
#include "error.h"
#include "eval2.h"
#include "heap2.h"
#include "printer2.h"
#include "script.h"

static Obj2 *bi_eq(int argc, Obj2 **argv)
{
    (void)argc;
    return obj2_bool(obj2_eq(argv[0], argv[1]));
}

static Obj2 *bi_equal(int argc, Obj2 **argv)
{
    (void)argc;
    return obj2_bool(obj2_equal(argv[0], argv[1]));
}

static Obj2 *bi_not(int argc, Obj2 **argv)
{
    (void)argc;
    return obj2_bool(!obj2_truthy(argv[0]));
}

#define TYPE_PREDICATE(name, test)            \
    static Obj2 *name(int argc, Obj2 **argv)    \
    {                                         \
        const Obj2 *x = argv[0];               \
        (void)argc;                           \
        return obj2_bool(test);                \
    }

TYPE_PREDICATE(bi_is_null, obj2_is(x, T_NIL))
TYPE_PREDICATE(bi_is_pair, obj2_is(x, T_PAIR))
TYPE_PREDICATE(bi_is_symbol, obj2_is(x, T_SYM))
TYPE_PREDICATE(bi_is_string, obj2_is(x, T_STR))
TYPE_PREDICATE(bi_is_number, obj2_is(x, T_INT))
TYPE_PREDICATE(bi_is_boolean, obj2_is(x, T_BOOL))
TYPE_PREDICATE(bi_is_vector, obj2_is(x, T_VEC))
TYPE_PREDICATE(bi_is_error, obj2_is(x, T_ERROR))
TYPE_PREDICATE(bi_is_eof, obj2_is(x, T_EOF))
TYPE_PREDICATE(bi_is_procedure, obj2_is(x, T_CLOSURE) || obj2_is(x, T_BUILTIN))

static Obj2 *bi_error(int argc, Obj2 **argv)
{
    Obj2 *slots[1] = {OBJ_NIL};
    RootFrame2 frame;
    gc_enter2_(&frame, slots, 1);
    for (int i = argc; i > 1; i--)
        slots[0] = obj2_cons(argv[i - 1], slots[0]);
    err2_raise_obj(obj2_error(argv[0], slots[0]));
}

static Obj2 *bi_error_message(int argc, Obj2 **argv)
{
    (void)argc;
    return builtin_typed("error-message", argv[0], T_ERROR)->u.error.message;
}

static Obj2 *bi_error_irritants(int argc, Obj2 **argv)
{
    (void)argc;
    return builtin_typed("error-irritants", argv[0], T_ERROR)->u.error.irritants;
}

static Obj2 *bi_raise(int argc, Obj2 **argv)
{
    (void)argc;
    err2_raise_obj(builtin_typed("raise", argv[0], T_ERROR));
}

static Obj2 *bi_exit(int argc, Obj2 **argv)
{
    err2_raise_exit(argc > 0 ? (int)(builtin_int("exit", argv[0]) & 0xff) : 0);
}

static int args_in(const Obj2 *list)
{
    int n = 0;
    for (; list->type == T_PAIR; list = list->u.pair.cdr)
        n++;
    return n;
}

static Obj2 *bi_apply(int argc, Obj2 **argv)
{
    int n = args_in(argv[1]);
    (void)argc;
    if (n > EVAL2_MAX_ARGS)
        err2_raise("apply: too many arguments: %d", n);
    Obj2 *args[n + 1];
    RootFrame2 frame;
    int i = 0;
    for (Obj2 *p = argv[1]; p->type == T_PAIR; p = p->u.pair.cdr)
        args[i++] = p->u.pair.car;
    gc_enter2_(&frame, args, (size_t)n);
    Obj2 *value = eval2_apply(argv[0], n, args);
    gc_leave2_(&frame);
    return value;
}

static Obj2 *bi_eval(int argc, Obj2 **argv)
{
    (void)argc;
    return eval2_expr(argv[0], OBJ_NIL);
}

static Obj2 *bi_eval_string(int argc, Obj2 **argv)
{
    Obj2 *str = builtin_typed("eval-string", argv[0], T_STR);
    (void)argc;
    return eval2_text(str->u.str.data, str->u.str.len);
}

static Obj2 *bi_load(int argc, Obj2 **argv)
{
    (void)argc;
    return script_load(builtin_typed("load", argv[0], T_STR)->u.str.data);
}

static Obj2 *bi_display(int argc, Obj2 **argv)
{
    for (int i = 0; i < argc; i++)
        printer2_print(argv[i], 0);
    return OBJ_UNSPEC;
}

static Obj2 *bi_write(int argc, Obj2 **argv)
{
    (void)argc;
    printer2_print(argv[0], 1);
    return OBJ_UNSPEC;
}

static Obj2 *bi_newline(int argc, Obj2 **argv)
{
    (void)argc;
    (void)argv;
    printer2_write("\n", 1);
    return OBJ_UNSPEC;
}

/* (print x ...): the values, written, with spaces between and a newline. */
static Obj2 *bi_print(int argc, Obj2 **argv)
{
    for (int i = 0; i < argc; i++) {
        if (i > 0)
            printer2_write(" ", 1);
        printer2_print(argv[i], 1);
    }
    printer2_write("\n", 1);
    return OBJ_UNSPEC;
}

/* (gc): collect now; the number of objects freed. */
static Obj2 *bi_gc(int argc, Obj2 **argv)
{
    (void)argc;
    (void)argv;
    return obj2_int((int64_t)gc_run2_());
}

/* (heap-stat 'live) and the like. */
static Obj2 *bi_heap_stat(int argc, Obj2 **argv)
{
    HeapStats2 stats;
    StrBuf2 sb;
    int64_t value = -1;
    (void)argc;
    heap2_stats(&stats);
    sb2_init(&sb);
    printer2_format(&sb, argv[0], 0);
    const struct {
        const char *name;
        size_t value;
    } fields[] = {
        {"live", stats.live},
        {"allocated", stats.allocated},
        {"freed", stats.freed},
        {"collections", stats.collections},
        {"pinned", stats.pinned},
    };
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        const char *a = fields[i].name, *b = sb.data;
        while (*a != '\0' && *a == *b)
            a++, b++;
        if (*a == *b)
            value = (int64_t)fields[i].value;
    }
    sb2_free(&sb);
    if (value < 0)
        err2_raise("heap-stat: no such field");
    return obj2_int(value);
}

void builtin_register_control(void)
{
    static const BuiltinSpec table[] = {
        {"eq?", bi_eq, 2, 2},
        {"equal?", bi_equal, 2, 2},
        {"not", bi_not, 1, 1},
        {"null?", bi_is_null, 1, 1},
        {"pair?", bi_is_pair, 1, 1},
        {"symbol?", bi_is_symbol, 1, 1},
        {"string?", bi_is_string, 1, 1},
        {"number?", bi_is_number, 1, 1},
        {"boolean?", bi_is_boolean, 1, 1},
        {"vector?", bi_is_vector, 1, 1},
        {"error?", bi_is_error, 1, 1},
        {"eof?", bi_is_eof, 1, 1},
        {"procedure?", bi_is_procedure, 1, 1},
        {"error", bi_error, 1, -1},
        {"error-message", bi_error_message, 1, 1},
        {"error-irritants", bi_error_irritants, 1, 1},
        {"raise", bi_raise, 1, 1},
        {"exit", bi_exit, 0, 1},
        {"apply", bi_apply, 2, 2},
        {"eval", bi_eval, 1, 1},
        {"eval-string", bi_eval_string, 1, 1},
        {"load", bi_load, 1, 1},
        {"display", bi_display, 0, -1},
        {"write", bi_write, 1, 1},
        {"newline", bi_newline, 0, 0},
        {"print", bi_print, 0, -1},
        {"gc", bi_gc, 0, 0},
        {"heap-stat", bi_heap_stat, 1, 1},
    };
    builtin_define_table(table, sizeof table / sizeof table[0]);
}
