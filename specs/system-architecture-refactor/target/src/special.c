/* special.c - the special forms. */
#include "special.h"

#include "env2.h"
#include "error.h"
#include "eval2.h"
#include "heap2.h"
#include "symbol2.h"

static Obj2 *g_sym_else;
static Obj2 *g_sym_unquote;
static Obj2 *g_sym_splicing;

static const struct {
    const char *name;
    SpecialForm form;
} special_names[] = {
    {"quote", SF_QUOTE},   {"quasiquote", SF_QUASIQUOTE},
    {"if", SF_IF},         {"cond", SF_COND},
    {"case", SF_CASE},     {"and", SF_AND},
    {"or", SF_OR},         {"when", SF_WHEN},
    {"unless", SF_UNLESS}, {"let", SF_LET},
    {"let*", SF_LETSTAR},  {"letrec", SF_LETREC},
    {"lambda", SF_LAMBDA}, {"define", SF_DEFINE},
    {"define-macro", SF_DEFINE_MACRO},
    {"set!", SF_SET},      {"begin", SF_BEGIN},
    {"while", SF_WHILE},   {"try", SF_TRY},
};

void special_init(void)
{
    for (size_t i = 0; i < sizeof special_names / sizeof special_names[0]; i++)
        sym2_intern(special_names[i].name)->special = (uint8_t)special_names[i].form;
    g_sym_else = sym2_intern("else");
    g_sym_unquote = sym2_intern("unquote");
    g_sym_splicing = sym2_intern("unquote-splicing");
}

static _Noreturn void bad_form(const char *name)
{
    err2_raise("%s: bad syntax", name);
}

/* The nth item of a form. */
static Obj2 *item(Obj2 *form, int n, const char *name)
{
    while (n-- > 0) {
        if (form->type != T_PAIR)
            bad_form(name);
        form = form->u.pair.cdr;
    }
    if (form->type != T_PAIR)
        bad_form(name);
    return form->u.pair.car;
}

/* What is left after n items. */
static Obj2 *rest(Obj2 *form, int n, const char *name)
{
    while (n-- > 0) {
        if (form->type != T_PAIR)
            bad_form(name);
        form = form->u.pair.cdr;
    }
    return form;
}

static Obj2 *tail_body(Obj2 **expr, Obj2 *env, Obj2 *body)
{
    *expr = eval2_body_tail(body, env);
    return NULL;
}

static int is_tagged(const Obj2 *x, const Obj2 *tag)
{
    return x->type == T_PAIR && x->u.pair.car == tag && x->u.pair.cdr->type == T_PAIR;
}

/* A copy of the list a that ends in b. */
static Obj2 *append_two(Obj2 *a, Obj2 *b)
{
    enum { LIST, END, HEAD, TAIL, SLOTS };
    Obj2 *slots[SLOTS] = {a, b, b, OBJ_NIL};
    RootFrame2 frame;
    gc_enter2_(&frame, slots, SLOTS);
    for (; a->type == T_PAIR; a = a->u.pair.cdr) {
        Obj2 *cell = obj2_cons(a->u.pair.car, b);
        if (slots[TAIL] == OBJ_NIL)
            slots[HEAD] = cell;
        else
            slots[TAIL]->u.pair.cdr = cell;
        slots[TAIL] = cell;
    }
    gc_leave2_(&frame);
    return slots[HEAD];
}

static Obj2 *quasi(Obj2 *x, Obj2 *env)
{
    if (x->type != T_PAIR)
        return x;
    if (is_tagged(x, g_sym_unquote))
        return eval2_expr(x->u.pair.cdr->u.pair.car, env);
    Obj2 *slots[3] = {x, env, OBJ_NIL};
    RootFrame2 frame;
    gc_enter2_(&frame, slots, 3);
    Obj2 *value;
    if (is_tagged(x->u.pair.car, g_sym_splicing)) {
        slots[2] = eval2_expr(x->u.pair.car->u.pair.cdr->u.pair.car, env);
        value = append_two(slots[2], quasi(x->u.pair.cdr, env));
    } else {
        slots[2] = quasi(x->u.pair.car, env);
        value = obj2_cons(slots[2], quasi(x->u.pair.cdr, env));
    }
    gc_leave2_(&frame);
    return value;
}

static Obj2 *do_cond(Obj2 **expr, Obj2 **env)
{
    for (Obj2 *c = (*expr)->u.pair.cdr; c->type == T_PAIR; c = c->u.pair.cdr) {
        Obj2 *clause = c->u.pair.car;
        Obj2 *test = item(clause, 0, "cond");
        if (test == g_sym_else)
            return tail_body(expr, *env, clause->u.pair.cdr);
        Obj2 *value = eval2_expr(test, *env);
        if (obj2_truthy(value)) {
            if (clause->u.pair.cdr->type != T_PAIR)
                return value;
            return tail_body(expr, *env, clause->u.pair.cdr);
        }
    }
    return OBJ_UNSPEC;
}

static Obj2 *do_case(Obj2 **expr, Obj2 **env)
{
    Obj2 *key = eval2_expr(item(*expr, 1, "case"), *env);
    for (Obj2 *c = rest(*expr, 2, "case"); c->type == T_PAIR; c = c->u.pair.cdr) {
        Obj2 *clause = c->u.pair.car;
        Obj2 *data = item(clause, 0, "case");
        int hit = data == g_sym_else;
        for (; !hit && data->type == T_PAIR; data = data->u.pair.cdr)
            hit = obj2_equal(data->u.pair.car, key);
        if (hit)
            return tail_body(expr, *env, clause->u.pair.cdr);
    }
    return OBJ_UNSPEC;
}

static Obj2 *do_and_or(Obj2 **expr, Obj2 **env, int is_or)
{
    Obj2 *p = (*expr)->u.pair.cdr;
    if (p->type != T_PAIR)
        return obj2_bool(!is_or);
    for (; p->u.pair.cdr->type == T_PAIR; p = p->u.pair.cdr) {
        Obj2 *value = eval2_expr(p->u.pair.car, *env);
        if (obj2_truthy(value) == is_or)
            return value;
    }
    *expr = p->u.pair.car;
    return NULL;
}

static Obj2 *binding_name(Obj2 *binding, const char *form)
{
    Obj2 *name = item(binding, 0, form);
    if (name->type != T_SYM)
        bad_form(form);
    return name;
}

/* let, let* and letrec differ in the environment of the initial values. */
static Obj2 *do_let(Obj2 **expr, Obj2 **env, SpecialForm kind)
{
    enum { FRAME, VALUE, LOOP, SLOTS };
    const char *name = kind == SF_LET ? "let" : kind == SF_LETSTAR ? "let*" : "letrec";
    Obj2 *slots[SLOTS] = {OBJ_NIL, OBJ_NIL, OBJ_NIL};
    RootFrame2 frame;
    Obj2 *second = item(*expr, 1, name);
    gc_enter2_(&frame, slots, SLOTS);
    if (kind == SF_LET && second->type == T_SYM) {
        /* Named let: a closure bound to its own name, applied to the initial values. */
        Obj2 *bindings = item(*expr, 2, name);
        slots[LOOP] = env2_new(*env);
        for (Obj2 *b = bindings; b->type == T_PAIR; b = b->u.pair.cdr)
            slots[VALUE] = append_two(slots[VALUE], obj2_cons(binding_name(b->u.pair.car, name), OBJ_NIL));
        Obj2 *fn = obj2_closure(slots[VALUE], rest(*expr, 3, name), slots[LOOP], 0);
        env2_define(slots[LOOP], second, fn);
        slots[FRAME] = env2_new(slots[LOOP]);
        for (Obj2 *b = bindings; b->type == T_PAIR; b = b->u.pair.cdr) {
            slots[VALUE] = eval2_expr(item(b->u.pair.car, 1, name), *env);
            env2_define(slots[FRAME], binding_name(b->u.pair.car, name), slots[VALUE]);
        }
        *env = slots[FRAME];
        gc_leave2_(&frame);
        return tail_body(expr, *env, rest(*expr, 3, name));
    }
    slots[FRAME] = env2_new(*env);
    for (Obj2 *b = second; b->type == T_PAIR; b = b->u.pair.cdr) {
        Obj2 *variable = binding_name(b->u.pair.car, name);
        slots[VALUE] = eval2_expr(item(b->u.pair.car, 1, name), kind == SF_LET ? *env : slots[FRAME]);
        if (kind == SF_LETSTAR)
            slots[FRAME] = env2_new(slots[FRAME]);
        env2_define(slots[FRAME], variable, slots[VALUE]);
    }
    *env = slots[FRAME];
    gc_leave2_(&frame);
    return tail_body(expr, *env, rest(*expr, 2, name));
}

static Obj2 *do_define(Obj2 **expr, Obj2 **env, int flags)
{
    const char *name = flags ? "define-macro" : "define";
    Obj2 *target = item(*expr, 1, name);
    if (target->type == T_PAIR) {
        Obj2 *symbol = target->u.pair.car;
        if (symbol->type != T_SYM)
            bad_form(name);
        Obj2 *fn = obj2_closure(target->u.pair.cdr, rest(*expr, 2, name), *env, flags);
        env2_define(*env, symbol, fn);
        return symbol;
    }
    if (target->type != T_SYM || flags)
        bad_form(name);
    env2_define(*env, target, eval2_expr(item(*expr, 2, name), *env));
    return target;
}

static Obj2 *do_while(Obj2 **expr, Obj2 **env)
{
    Obj2 *test = item(*expr, 1, "while");
    Obj2 *body = rest(*expr, 2, "while");
    while (obj2_truthy(eval2_expr(test, *env))) {
        Obj2 *last = eval2_body_tail(body, *env);
        eval2_expr(last, *env);
    }
    return OBJ_UNSPEC;
}

struct try_arg {
    Obj2 *expr;
    Obj2 *env;
};

static Obj2 *try_body(void *arg)
{
    struct try_arg *t = arg;
    return eval2_expr(t->expr, t->env);
}

/* (try expression handler): an error in the expression is passed to the handler. */
static Obj2 *do_try(Obj2 **expr, Obj2 **env)
{
    struct try_arg arg = {item(*expr, 1, "try"), *env};
    Obj2 *handler = item(*expr, 2, "try");
    Obj2 *slots[1] = {OBJ_NIL};
    RootFrame2 frame;
    Obj2 *out = NULL;
    ErrStatus2 status = err2_protect(try_body, &arg, &out);
    if (status == ERR_OK)
        return out;
    if (status == ERR_EXIT)
        err2_rethrow(status, out);
    slots[0] = out;
    gc_enter2_(&frame, slots, 1);
    Obj2 *value = eval2_apply(eval2_expr(handler, *env), 1, slots);
    gc_leave2_(&frame);
    return value;
}

Obj2 *special_eval(int form, Obj2 **expr, Obj2 **env)
{
    Obj2 *x = *expr;
    switch ((SpecialForm)form) {
    case SF_QUOTE:
        return item(x, 1, "quote");
    case SF_QUASIQUOTE:
        return quasi(item(x, 1, "quasiquote"), *env);
    case SF_IF:
        item(x, 2, "if");
        if (obj2_truthy(eval2_expr(item(x, 1, "if"), *env)))
            *expr = item(x, 2, "if");
        else if (rest(x, 3, "if")->type == T_PAIR)
            *expr = item(x, 3, "if");
        else
            return OBJ_UNSPEC;
        return NULL;
    case SF_COND:
        return do_cond(expr, env);
    case SF_CASE:
        return do_case(expr, env);
    case SF_AND:
        return do_and_or(expr, env, 0);
    case SF_OR:
        return do_and_or(expr, env, 1);
    case SF_WHEN:
    case SF_UNLESS:
        if (obj2_truthy(eval2_expr(item(x, 1, "when"), *env)) != (form == SF_WHEN))
            return OBJ_UNSPEC;
        return tail_body(expr, *env, rest(x, 2, "when"));
    case SF_LET:
    case SF_LETSTAR:
    case SF_LETREC:
        return do_let(expr, env, (SpecialForm)form);
    case SF_LAMBDA:
        return obj2_closure(item(x, 1, "lambda"), rest(x, 2, "lambda"), *env, 0);
    case SF_DEFINE:
        return do_define(expr, env, 0);
    case SF_DEFINE_MACRO:
        return do_define(expr, env, OBJ_FLAG_MACRO);
    case SF_SET: {
        Obj2 *symbol = item(x, 1, "set!");
        if (symbol->type != T_SYM)
            bad_form("set!");
        env2_set(*env, symbol, eval2_expr(item(x, 2, "set!"), *env));
        return OBJ_UNSPEC;
    }
    case SF_BEGIN:
        return tail_body(expr, *env, x->u.pair.cdr);
    case SF_WHILE:
        return do_while(expr, env);
    case SF_TRY:
        return do_try(expr, env);
    case SF_NONE:
        break;
    }
    bad_form("special form");
}
