/* builtins_vec.c - vectors. */
#include "builtin.h"

#include "error.h"
#include "heap2.h"

static Obj2 *bi_vector(int argc, Obj2 **argv)
{
    Obj2 *vec = obj2_vec((size_t)argc, OBJ_NIL);
    for (int i = 0; i < argc; i++)
        vec->u.vec.items[i] = argv[i];
    return vec;
}

static Obj2 *bi_make_vector(int argc, Obj2 **argv)
{
    int64_t len = builtin_int("make-vector", argv[0]);
    if (len < 0 || len > 10000000)
        err2_raise("make-vector: bad length");
    return obj2_vec((size_t)len, argc > 1 ? argv[1] : OBJ_NIL);
}

static Obj2 **vec_slot(const char *who, Obj2 *vec, Obj2 *index)
{
    builtin_typed(who, vec, T_VEC);
    int64_t i = builtin_int(who, index);
    if (i < 0 || (size_t)i >= vec->u.vec.len)
        err2_raise("%s: index out of range", who);
    return &vec->u.vec.items[i];
}

static Obj2 *bi_vector_ref(int argc, Obj2 **argv)
{
    (void)argc;
    return *vec_slot("vector-ref", argv[0], argv[1]);
}

static Obj2 *bi_vector_set(int argc, Obj2 **argv)
{
    (void)argc;
    *vec_slot("vector-set!", argv[0], argv[1]) = argv[2];
    return OBJ_UNSPEC;
}

static Obj2 *bi_vector_length(int argc, Obj2 **argv)
{
    (void)argc;
    return obj2_int((int64_t)builtin_typed("vector-length", argv[0], T_VEC)->u.vec.len);
}

static Obj2 *bi_vector_fill(int argc, Obj2 **argv)
{
    Obj2 *vec = builtin_typed("vector-fill!", argv[0], T_VEC);
    (void)argc;
    for (size_t i = 0; i < vec->u.vec.len; i++)
        vec->u.vec.items[i] = argv[1];
    return OBJ_UNSPEC;
}

static Obj2 *bi_vector_to_list(int argc, Obj2 **argv)
{
    Obj2 *vec = builtin_typed("vector->list", argv[0], T_VEC);
    Obj2 *slots[1] = {OBJ_NIL};
    RootFrame2 frame;
    (void)argc;
    gc_enter2_(&frame, slots, 1);
    for (size_t i = vec->u.vec.len; i > 0; i--)
        slots[0] = obj2_cons(vec->u.vec.items[i - 1], slots[0]);
    gc_leave2_(&frame);
    return slots[0];
}

static size_t items_of(const Obj2 *list)
{
    size_t n = 0;
    while (list->type == T_PAIR) {
        n++;
        list = list->u.pair.cdr;
    }
    return n;
}

static Obj2 *bi_list_to_vector(int argc, Obj2 **argv)
{
    Obj2 *vec = obj2_vec(items_of(argv[0]), OBJ_NIL);
    size_t i = 0;
    (void)argc;
    for (Obj2 *p = argv[0]; p->type == T_PAIR; p = p->u.pair.cdr)
        vec->u.vec.items[i++] = p->u.pair.car;
    return vec;
}

void builtin_register_vectors(void)
{
    static const BuiltinSpec table[] = {
        {"vector", bi_vector, 0, -1},
        {"make-vector", bi_make_vector, 1, 2},
        {"vector-ref", bi_vector_ref, 2, 2},
        {"vector-set!", bi_vector_set, 3, 3},
        {"vector-length", bi_vector_length, 1, 1},
        {"vector-fill!", bi_vector_fill, 2, 2},
        {"vector->list", bi_vector_to_list, 1, 1},
        {"list->vector", bi_list_to_vector, 1, 1},
    };
    builtin_define_table(table, sizeof table / sizeof table[0]);
}
