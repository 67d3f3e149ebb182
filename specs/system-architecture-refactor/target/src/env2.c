/* env2.c - frames are lists of bindings; globals live in their symbols. */
#include "env2.h"

#include "error.h"
#include "heap2.h"

Obj2 *env2_new(Obj2 *parent)
{
    Obj2 *slots[1] = {parent};
    RootFrame2 frame;
    gc_enter2_(&frame, slots, 1);
    Obj2 *env = gc_malloc2_(T_ENV);
    env->u.env.parent = parent;
    env->u.env.bindings = OBJ_NIL;
    gc_leave2_(&frame);
    return env;
}

static Obj2 *env_find(Obj2 *env, Obj2 *symbol)
{
    for (; env->type == T_ENV; env = env->u.env.parent)
        for (Obj2 *b = env->u.env.bindings; b->type == T_PAIR; b = b->u.pair.cdr)
            if (b->u.pair.car->u.pair.car == symbol)
                return b->u.pair.car;
    return NULL;
}

static void env_push(Obj2 *env, Obj2 *symbol, Obj2 *value)
{
    Obj2 *slots[3] = {env, symbol, value};
    RootFrame2 frame;
    gc_enter2_(&frame, slots, 3);
    Obj2 *binding = obj2_cons(symbol, value);
    env->u.env.bindings = obj2_cons(binding, env->u.env.bindings);
    gc_leave2_(&frame);
}

void env2_define(Obj2 *env, Obj2 *symbol, Obj2 *value)
{
    if (env->type != T_ENV) {
        symbol->u.sym.value = value;
        return;
    }
    for (Obj2 *b = env->u.env.bindings; b->type == T_PAIR; b = b->u.pair.cdr) {
        if (b->u.pair.car->u.pair.car == symbol) {
            b->u.pair.car->u.pair.cdr = value;
            return;
        }
    }
    env_push(env, symbol, value);
}

void env2_set(Obj2 *env, Obj2 *symbol, Obj2 *value)
{
    Obj2 *binding = env_find(env, symbol);
    if (binding != NULL)
        binding->u.pair.cdr = value;
    else if (symbol->u.sym.value != NULL)
        symbol->u.sym.value = value;
    else
        err2_raise("set!: unbound variable: %s", symbol->u.sym.name);
}

Obj2 *env2_lookup(Obj2 *env, Obj2 *symbol)
{
    Obj2 *binding = env_find(env, symbol);
    if (binding != NULL)
        return binding->u.pair.cdr;
    if (symbol->u.sym.value == NULL)
        err2_raise("unbound variable: %s", symbol->u.sym.name);
    return symbol->u.sym.value;
}

Obj2 *env2_bind(Obj2 *parent, Obj2 *params, int argc, Obj2 **argv)
{
    Obj2 *slots[3] = {OBJ_NIL, params, OBJ_NIL};
    RootFrame2 frame;
    int used = 0;
    gc_enter2_(&frame, slots, 3);
    slots[0] = env2_new(parent);
    for (; params->type == T_PAIR; params = params->u.pair.cdr) {
        if (used == argc)
            err2_raise("too few arguments: %d", argc);
        env_push(slots[0], params->u.pair.car, argv[used++]);
    }
    if (params->type == T_SYM) {
        for (int i = argc; i > used; i--)
            slots[2] = obj2_cons(argv[i - 1], slots[2]);
        env_push(slots[0], params, slots[2]);
    } else if (used < argc) {
        err2_raise("too many arguments: %d", argc);
    }
    gc_leave2_(&frame);
    return slots[0];
}
