/* eval2.c - evaluation with proper tail calls. */
#include "eval2.h"

#include "env2.h"
#include "error.h"
#include "heap2.h"
#include "reader2.h"
#include "special.h"

int g_eval_depth;

void eval2_init(void)
{
    g_eval_depth = 0;
    special_init();
}

static int count_items(Obj2 *list)
{
    int n = 0;
    for (; list->type == T_PAIR; list = list->u.pair.cdr)
        n++;
    return n;
}

Obj2 *eval2_body_tail(Obj2 *body, Obj2 *env)
{
    Obj2 *slots[2] = {body, env};
    RootFrame2 frame;
    if (body->type != T_PAIR)
        return OBJ_UNSPEC;
    gc_enter2_(&frame, slots, 2);
    while (body->u.pair.cdr->type == T_PAIR) {
        eval2_expr(body->u.pair.car, env);
        body = body->u.pair.cdr;
    }
    gc_leave2_(&frame);
    return body->u.pair.car;
}

static void check_arity(const Obj2 *fn, int argc)
{
    if (argc < fn->u.builtin.min_args)
        err2_raise("%s: too few arguments: %d", fn->u.builtin.name, argc);
    if (fn->u.builtin.max_args >= 0 && argc > fn->u.builtin.max_args)
        err2_raise("%s: too many arguments: %d", fn->u.builtin.name, argc);
}

Obj2 *eval2_apply(Obj2 *fn, int argc, Obj2 **argv)
{
    if (fn->type == T_BUILTIN) {
        check_arity(fn, argc);
        return fn->u.builtin.fn(argc, argv);
    }
    if (fn->type != T_CLOSURE)
        err2_raise("not a procedure: %s", obj2_type_name(fn));
    Obj2 *slots[2] = {fn, OBJ_NIL};
    RootFrame2 frame;
    gc_enter2_(&frame, slots, 2);
    slots[1] = env2_bind(fn->u.closure.env, fn->u.closure.params, argc, argv);
    Obj2 *tail = eval2_body_tail(fn->u.closure.body, slots[1]);
    Obj2 *value = eval2_expr(tail, slots[1]);
    gc_leave2_(&frame);
    return value;
}

enum { EXPR, ENV, FN, SLOTS };

/* Evaluate a combination whose operator is in slots[FN]. NULL: go on with the expression in slots[EXPR]. */
static Obj2 *eval_combination(Obj2 **slots)
{
    Obj2 *fn = slots[FN];
    Obj2 *args = slots[EXPR]->u.pair.cdr;
    int macro = fn->type == T_CLOSURE && (fn->flags & OBJ_FLAG_MACRO);
    int argc = count_items(args);
    if (argc > EVAL2_MAX_ARGS)
        err2_raise("too many arguments: %d", argc);
    Obj2 *argv[argc + 1];
    RootFrame2 frame;
    for (int i = 0; i <= argc; i++)
        argv[i] = OBJ_NIL;
    gc_enter2_(&frame, argv, (size_t)argc);
    for (int i = 0; i < argc; i++, args = args->u.pair.cdr)
        argv[i] = macro ? args->u.pair.car : eval2_expr(args->u.pair.car, slots[ENV]);
    Obj2 *value = NULL;
    if (macro) {
        slots[EXPR] = eval2_apply(fn, argc, argv);
    } else if (fn->type == T_CLOSURE) {
        slots[ENV] = env2_bind(fn->u.closure.env, fn->u.closure.params, argc, argv);
        gc_leave2_(&frame);
        slots[EXPR] = eval2_body_tail(fn->u.closure.body, slots[ENV]);
        return NULL;
    } else {
        value = eval2_apply(fn, argc, argv);
    }
    gc_leave2_(&frame);
    return value;
}

Obj2 *eval2_expr(Obj2 *expr, Obj2 *env)
{
    Obj2 *slots[SLOTS] = {expr, env, OBJ_NIL};
    RootFrame2 frame;
    Obj2 *value = NULL;
    if (g_eval_depth >= EVAL2_MAX_DEPTH)
        err2_raise("recursion too deep");
    g_eval_depth++;
    gc_enter2_(&frame, slots, SLOTS);
    while (value == NULL) {
        Obj2 *x = slots[EXPR];
        if (x->type == T_SYM) {
            value = env2_lookup(slots[ENV], x);
        } else if (x->type != T_PAIR) {
            value = x;
        } else if (x->u.pair.car->type == T_SYM && x->u.pair.car->special) {
            value = special_eval(x->u.pair.car->special, &slots[EXPR], &slots[ENV]);
        } else {
            slots[FN] = eval2_expr(x->u.pair.car, slots[ENV]);
            value = eval_combination(slots);
        }
    }
    gc_leave2_(&frame);
    g_eval_depth--;
    return value;
}

Obj2 *eval2_text(const char *text, size_t len)
{
    Obj2 *slots[1] = {OBJ_UNSPEC};
    RootFrame2 frame;
    Reader2 rd;
    Obj2 *form;
    reader2_init(&rd, text, len);
    gc_enter2_(&frame, slots, 1);
    while ((form = reader2_next(&rd)) != NULL) {
        slots[0] = form;
        slots[0] = eval2_expr(form, OBJ_NIL);
    }
    gc_leave2_(&frame);
    return slots[0];
}
