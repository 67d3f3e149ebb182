/* builtins_list.c - pairs and lists. */
#include "builtin.h"

#include "error.h"
#include "eval2.h"
#include "heap2.h"

static Obj2 *bi_cons(int argc, Obj2 **argv)
{
    (void)argc;
    return obj2_cons(argv[0], argv[1]);
}

static Obj2 *bi_car(int argc, Obj2 **argv)
{
    (void)argc;
    return car2_(argv[0]);
}

static Obj2 *bi_cdr(int argc, Obj2 **argv)
{
    (void)argc;
    return cdr2_(argv[0]);
}

static Obj2 *bi_cadr(int argc, Obj2 **argv)
{
    (void)argc;
    return car2_(cdr2_(argv[0]));
}

static Obj2 *bi_cddr(int argc, Obj2 **argv)
{
    (void)argc;
    return cdr2_(cdr2_(argv[0]));
}

static Obj2 *bi_caddr(int argc, Obj2 **argv)
{
    (void)argc;
    return car2_(cdr2_(cdr2_(argv[0])));
}

static Obj2 *bi_set_car(int argc, Obj2 **argv)
{
    (void)argc;
    builtin_typed("set-car!", argv[0], T_PAIR)->u.pair.car = argv[1];
    return OBJ_UNSPEC;
}

static Obj2 *bi_set_cdr(int argc, Obj2 **argv)
{
    (void)argc;
    builtin_typed("set-cdr!", argv[0], T_PAIR)->u.pair.cdr = argv[1];
    return OBJ_UNSPEC;
}

static Obj2 *bi_list(int argc, Obj2 **argv)
{
    Obj2 *slots[1] = {OBJ_NIL};
    RootFrame2 frame;
    gc_enter2_(&frame, slots, 1);
    for (int i = argc; i > 0; i--)
        slots[0] = obj2_cons(argv[i - 1], slots[0]);
    gc_leave2_(&frame);
    return slots[0];
}

/* The items of a list, -1 if it does not end in (). */
static int64_t list_length(const Obj2 *list)
{
    int64_t n = 0;
    for (; list->type == T_PAIR; list = list->u.pair.cdr)
        n++;
    return list->type == T_NIL ? n : -1;
}

static Obj2 *bi_length(int argc, Obj2 **argv)
{
    int64_t n = list_length(argv[0]);
    (void)argc;
    if (n < 0)
        err2_raise("length: not a list");
    return obj2_int(n);
}

static Obj2 *bi_reverse(int argc, Obj2 **argv)
{
    Obj2 *slots[1] = {OBJ_NIL};
    RootFrame2 frame;
    (void)argc;
    gc_enter2_(&frame, slots, 1);
    for (Obj2 *p = argv[0]; p->type == T_PAIR; p = p->u.pair.cdr)
        slots[0] = obj2_cons(p->u.pair.car, slots[0]);
    gc_leave2_(&frame);
    return slots[0];
}

/* Collects items in order; both slots are rooted by the caller. */
static void collect_item(Obj2 **head, Obj2 **tail, Obj2 *value)
{
    Obj2 *cell = obj2_cons(value, OBJ_NIL);
    if (*tail == OBJ_NIL)
        *head = cell;
    else
        (*tail)->u.pair.cdr = cell;
    *tail = cell;
}

static Obj2 *bi_append(int argc, Obj2 **argv)
{
    Obj2 *slots[2] = {OBJ_NIL, OBJ_NIL};
    RootFrame2 frame;
    if (argc == 0)
        return OBJ_NIL;
    gc_enter2_(&frame, slots, 2);
    for (int i = 0; i < argc - 1; i++)
        for (Obj2 *p = argv[i]; p->type == T_PAIR; p = p->u.pair.cdr)
            collect_item(&slots[0], &slots[1], p->u.pair.car);
    if (slots[1] == OBJ_NIL)
        slots[0] = argv[argc - 1];
    else
        slots[1]->u.pair.cdr = argv[argc - 1];
    gc_leave2_(&frame);
    return slots[0];
}

static Obj2 *list_tail(const char *who, Obj2 *list, int64_t n)
{
    while (n-- > 0) {
        if (list->type != T_PAIR)
            err2_raise("%s: index out of range", who);
        list = list->u.pair.cdr;
    }
    return list;
}

static Obj2 *bi_list_tail(int argc, Obj2 **argv)
{
    (void)argc;
    return list_tail("list-tail", argv[0], builtin_int("list-tail", argv[1]));
}

static Obj2 *bi_list_ref(int argc, Obj2 **argv)
{
    Obj2 *p = list_tail("list-ref", argv[0], builtin_int("list-ref", argv[1]));
    (void)argc;
    if (p->type != T_PAIR)
        err2_raise("list-ref: index out of range");
    return p->u.pair.car;
}

static Obj2 *bi_member(int argc, Obj2 **argv)
{
    (void)argc;
    for (Obj2 *p = argv[1]; p->type == T_PAIR; p = p->u.pair.cdr)
        if (obj2_equal(p->u.pair.car, argv[0]))
            return p;
    return OBJ_FALSE;
}

static Obj2 *bi_assoc(int argc, Obj2 **argv)
{
    (void)argc;
    for (Obj2 *p = argv[1]; p->type == T_PAIR; p = p->u.pair.cdr)
        if (p->u.pair.car->type == T_PAIR && obj2_equal(p->u.pair.car->u.pair.car, argv[0]))
            return p->u.pair.car;
    return OBJ_FALSE;
}

static Obj2 *bi_map(int argc, Obj2 **argv)
{
    enum { HEAD, TAIL, ITEM, SLOTS };
    Obj2 *slots[SLOTS] = {OBJ_NIL, OBJ_NIL, OBJ_NIL};
    RootFrame2 frame;
    (void)argc;
    gc_enter2_(&frame, slots, SLOTS);
    for (Obj2 *p = argv[1]; p->type == T_PAIR; p = p->u.pair.cdr) {
        slots[ITEM] = p->u.pair.car;
        slots[ITEM] = eval2_apply(argv[0], 1, &slots[ITEM]);
        collect_item(&slots[HEAD], &slots[TAIL], slots[ITEM]);
    }
    gc_leave2_(&frame);
    return slots[HEAD];
}

static Obj2 *bi_for_each(int argc, Obj2 **argv)
{
    Obj2 *slots[1] = {OBJ_NIL};
    RootFrame2 frame;
    (void)argc;
    gc_enter2_(&frame, slots, 1);
    for (Obj2 *p = argv[1]; p->type == T_PAIR; p = p->u.pair.cdr) {
        slots[0] = p->u.pair.car;
        eval2_apply(argv[0], 1, slots);
    }
    gc_leave2_(&frame);
    return OBJ_UNSPEC;
}

static Obj2 *bi_filter(int argc, Obj2 **argv)
{
    enum { HEAD, TAIL, ITEM, SLOTS };
    Obj2 *slots[SLOTS] = {OBJ_NIL, OBJ_NIL, OBJ_NIL};
    RootFrame2 frame;
    (void)argc;
    gc_enter2_(&frame, slots, SLOTS);
    for (Obj2 *p = argv[1]; p->type == T_PAIR; p = p->u.pair.cdr) {
        slots[ITEM] = p->u.pair.car;
        if (obj2_truthy(eval2_apply(argv[0], 1, &slots[ITEM])))
            collect_item(&slots[HEAD], &slots[TAIL], slots[ITEM]);
    }
    gc_leave2_(&frame);
    return slots[HEAD];
}

/* (fold fn start list): fn gets what was made so far and the item. */
static Obj2 *bi_fold(int argc, Obj2 **argv)
{
    Obj2 *slots[2] = {argv[1], OBJ_NIL};
    RootFrame2 frame;
    (void)argc;
    gc_enter2_(&frame, slots, 2);
    for (Obj2 *p = argv[2]; p->type == T_PAIR; p = p->u.pair.cdr) {
        slots[1] = p->u.pair.car;
        slots[0] = eval2_apply(argv[0], 2, slots);
    }
    gc_leave2_(&frame);
    return slots[0];
}

static Obj2 *bi_iota(int argc, Obj2 **argv)
{
    enum { HEAD, TAIL, ITEM, SLOTS };
    Obj2 *slots[SLOTS] = {OBJ_NIL, OBJ_NIL, OBJ_NIL};
    RootFrame2 frame;
    int64_t count = builtin_int("iota", argv[0]);
    int64_t start = argc > 1 ? builtin_int("iota", argv[1]) : 0;
    gc_enter2_(&frame, slots, SLOTS);
    for (int64_t i = 0; i < count; i++) {
        slots[ITEM] = obj2_int(start + i);
        collect_item(&slots[HEAD], &slots[TAIL], slots[ITEM]);
    }
    gc_leave2_(&frame);
    return slots[HEAD];
}

static int comes_before(Obj2 *less, Obj2 *a, Obj2 *b)
{
    Obj2 *slots[2] = {a, b};
    RootFrame2 frame;
    gc_enter2_(&frame, slots, 2);
    int before = obj2_truthy(eval2_apply(less, 2, slots));
    gc_leave2_(&frame);
    return before;
}

/* A stable merge sort; items and scratch are the slots of rooted vectors. */
static void merge_sort(Obj2 *less, Obj2 **items, Obj2 **scratch, size_t n)
{
    if (n < 2)
        return;
    size_t half = n / 2, i = 0, j = half, k = 0;
    merge_sort(less, items, scratch, half);
    merge_sort(less, items + half, scratch + half, n - half);
    while (i < half && j < n)
        scratch[k++] = comes_before(less, items[j], items[i]) ? items[j++] : items[i++];
    while (i < half)
        scratch[k++] = items[i++];
    while (j < n)
        scratch[k++] = items[j++];
    for (k = 0; k < n; k++)
        items[k] = scratch[k];
}

static Obj2 *bi_sort(int argc, Obj2 **argv)
{
    Obj2 *slots[3] = {OBJ_NIL, OBJ_NIL, OBJ_NIL};
    RootFrame2 frame;
    int64_t n = list_length(argv[0]);
    (void)argc;
    if (n < 0)
        err2_raise("sort: not a list");
    gc_enter2_(&frame, slots, 3);
    slots[0] = obj2_vec((size_t)n, OBJ_NIL);
    slots[1] = obj2_vec((size_t)n, OBJ_NIL);
    int64_t i = 0;
    for (Obj2 *p = argv[0]; p->type == T_PAIR; p = p->u.pair.cdr)
        slots[0]->u.vec.items[i++] = p->u.pair.car;
    merge_sort(argv[1], slots[0]->u.vec.items, slots[1]->u.vec.items, (size_t)n);
    while (i > 0)
        slots[2] = obj2_cons(slots[0]->u.vec.items[--i], slots[2]);
    gc_leave2_(&frame);
    return slots[2];
}

static Obj2 *bi_is_list(int argc, Obj2 **argv)
{
    (void)argc;
    return obj2_bool(list_length(argv[0]) >= 0);
}

void builtin_register_lists(void)
{
    static const BuiltinSpec table[] = {
        {"cons", bi_cons, 2, 2},
        {"car", bi_car, 1, 1},
        {"cdr", bi_cdr, 1, 1},
        {"cadr", bi_cadr, 1, 1},
        {"cddr", bi_cddr, 1, 1},
        {"caddr", bi_caddr, 1, 1},
        {"set-car!", bi_set_car, 2, 2},
        {"set-cdr!", bi_set_cdr, 2, 2},
        {"list", bi_list, 0, -1},
        {"length", bi_length, 1, 1},
        {"reverse", bi_reverse, 1, 1},
        {"append", bi_append, 0, -1},
        {"list-tail", bi_list_tail, 2, 2},
        {"list-ref", bi_list_ref, 2, 2},
        {"member", bi_member, 2, 2},
        {"assoc", bi_assoc, 2, 2},
        {"map", bi_map, 2, 2},
        {"for-each", bi_for_each, 2, 2},
        {"filter", bi_filter, 2, 2},
        {"fold", bi_fold, 3, 3},
        {"iota", bi_iota, 1, 2},
        {"sort", bi_sort, 2, 2},
        {"list?", bi_is_list, 1, 1},
    };
    builtin_define_table(table, sizeof table / sizeof table[0]);
}
