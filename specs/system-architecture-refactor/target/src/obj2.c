/* obj2.c - constructors, accessors and comparisons of values. */
#include "obj2.h"

#include <string.h>

#include "error.h"
#include "heap2.h"
#include "mem.h"

const Obj2 obj_nil_cell = {.type = T_NIL, .mark = MARK_STATIC};
const Obj2 obj_unspec_cell = {.type = T_UNSPEC, .mark = MARK_STATIC};
const Obj2 obj_eof_cell = {.type = T_EOF, .mark = MARK_STATIC};
const Obj2 obj_true_cell = {.type = T_BOOL, .mark = MARK_STATIC, .u.i = 1};
const Obj2 obj_false_cell = {.type = T_BOOL, .mark = MARK_STATIC, .u.i = 0};

Obj2 *obj2_int(int64_t value)
{
    Obj2 *o = gc_malloc2_(T_INT);
    o->u.i = value;
    return o;
}

Obj2 *obj2_str(const char *data, size_t len)
{
    Obj2 *o = gc_malloc2_(T_STR);
    char *copy = mem_alloc(len + 1);
    if (len > 0)
        memcpy(copy, data, len);
    copy[len] = '\0';
    o->u.str.data = copy;
    o->u.str.len = len;
    return o;
}

Obj2 *obj2_cstr(const char *text)
{
    return obj2_str(text, strlen(text));
}

Obj2 *obj2_cons(Obj2 *car, Obj2 *cdr)
{
    Obj2 *slots[2] = {car, cdr};
    RootFrame2 frame;
    gc_enter2_(&frame, slots, 2);
    Obj2 *o = gc_malloc2_(T_PAIR);
    o->u.pair.car = car;
    o->u.pair.cdr = cdr;
    gc_leave2_(&frame);
    return o;
}

Obj2 *obj2_list2(Obj2 *first, Obj2 *second)
{
    Obj2 *slots[1] = {first};
    RootFrame2 frame;
    gc_enter2_(&frame, slots, 1);
    Obj2 *tail = obj2_cons(second, OBJ_NIL);
    gc_leave2_(&frame);
    return obj2_cons(first, tail);
}

Obj2 *obj2_vec(size_t len, Obj2 *fill)
{
    Obj2 *slots[1] = {fill};
    RootFrame2 frame;
    gc_enter2_(&frame, slots, 1);
    Obj2 *o = gc_malloc2_(T_VEC);
    o->u.vec.items = mem_alloc((len ? len : 1) * sizeof(Obj2 *));
    for (size_t i = 0; i < len; i++)
        o->u.vec.items[i] = fill;
    o->u.vec.len = len;
    gc_leave2_(&frame);
    return o;
}

Obj2 *obj2_closure(Obj2 *params, Obj2 *body, Obj2 *env, int flags)
{
    Obj2 *slots[3] = {params, body, env};
    RootFrame2 frame;
    gc_enter2_(&frame, slots, 3);
    Obj2 *o = gc_malloc2_(T_CLOSURE);
    o->flags = (uint8_t)flags;
    o->u.closure.params = params;
    o->u.closure.body = body;
    o->u.closure.env = env;
    gc_leave2_(&frame);
    return o;
}

Obj2 *obj2_builtin(const char *name, BuiltinFn2 fn, int min_args, int max_args)
{
    Obj2 *o = gc_malloc2_(T_BUILTIN);
    o->u.builtin.fn = fn;
    o->u.builtin.name = name;
    o->u.builtin.min_args = min_args;
    o->u.builtin.max_args = max_args;
    return o;
}

Obj2 *obj2_error(Obj2 *message, Obj2 *irritants)
{
    Obj2 *slots[2] = {message, irritants};
    RootFrame2 frame;
    gc_enter2_(&frame, slots, 2);
    Obj2 *o = gc_malloc2_(T_ERROR);
    o->u.error.message = message;
    o->u.error.irritants = irritants;
    gc_leave2_(&frame);
    return o;
}

Obj2 *obj2_bool(int truth)
{
    return truth ? OBJ_TRUE : OBJ_FALSE;
}

Obj2 *car2_(Obj2 *pair)
{
    if (pair->type != T_PAIR)
        err2_raise("car: expected pair, got %s", obj2_type_name(pair));
    return pair->u.pair.car;
}

Obj2 *cdr2_(Obj2 *pair)
{
    if (pair->type != T_PAIR)
        err2_raise("cdr: expected pair, got %s", obj2_type_name(pair));
    return pair->u.pair.cdr;
}

int64_t int2_value(Obj2 *value)
{
    if (value->type != T_INT)
        err2_raise("expected integer, got %s", obj2_type_name(value));
    return value->u.i;
}

int obj2_is(const Obj2 *value, ObjType2 type)
{
    return value->type == type;
}

int obj2_truthy(const Obj2 *value)
{
    return value != OBJ_FALSE;
}

int obj2_eq(const Obj2 *a, const Obj2 *b)
{
    if (a == b)
        return 1;
    return a->type == T_INT && b->type == T_INT && a->u.i == b->u.i;
}

int obj2_equal(const Obj2 *a, const Obj2 *b)
{
    for (;;) {
        if (obj2_eq(a, b))
            return 1;
        if (a->type != b->type)
            return 0;
        switch (a->type) {
        case T_STR:
            return a->u.str.len == b->u.str.len &&
                   memcmp(a->u.str.data, b->u.str.data, a->u.str.len) == 0;
        case T_VEC:
            if (a->u.vec.len != b->u.vec.len)
                return 0;
            for (size_t i = 0; i < a->u.vec.len; i++)
                if (!obj2_equal(a->u.vec.items[i], b->u.vec.items[i]))
                    return 0;
            return 1;
        case T_PAIR:
            if (!obj2_equal(a->u.pair.car, b->u.pair.car))
                return 0;
            a = a->u.pair.cdr;
            b = b->u.pair.cdr;
            continue;
        default:
            return 0;
        }
    }
}

const char *obj2_type_name(const Obj2 *value)
{
    static const char *const names[T_TYPE_COUNT] = {
        "nil",  "unspecified", "eof",     "boolean", "integer",     "string", "symbol",
        "pair", "vector",      "closure", "builtin", "environment", "error",
    };
    return value->type < T_TYPE_COUNT ? names[value->type] : "unknown";
}
