#include "tools.h"

static long ring(Context *ctx, int lead, int round)
{
    Obj *s[2] = {OBJ_NIL, OBJ_NIL};
    RootFrame frame;
    heap_enter(ctx, &frame, s, 2);
    s[1] = s[0] = obj_cons(ctx, OBJ_TRUE, OBJ_NIL); /* the last */
    for (int i = 1; i < round; i++)
        s[0] = obj_cons(ctx, OBJ_TRUE, s[0]);
    s[1]->u.pair.cdr = s[0];
    for (int i = 0; i < lead; i++)
        s[0] = obj_cons(ctx, OBJ_TRUE, s[0]);
    long n = (long)obj_list_length(s[0]);
    heap_leave(ctx, &frame);
    return n;
}

static long straight(Context *ctx, long count, Obj *end)
{
    Obj *s[1] = {end};
    RootFrame frame;
    heap_enter(ctx, &frame, s, 1);
    for (long i = 0; i < count; i++)
        s[0] = obj_cons(ctx, OBJ_FALSE, s[0]);
    long n = (long)obj_list_length(s[0]);
    heap_leave(ctx, &frame);
    return n;
}

int main(void)
{
    probe_start(50);
    Context *ctx = context_new();
    say("length", "%ld %ld %ld %ld %ld %ld %ld %ld %ld", straight(ctx, 0, OBJ_NIL), straight(ctx, 1, OBJ_NIL),
        straight(ctx, 7, OBJ_NIL), straight(ctx, 3, OBJ_TRUE), straight(ctx, 0, OBJ_TRUE), ring(ctx, 0, 1),
        ring(ctx, 0, 2), ring(ctx, 3, 4), ring(ctx, 6, 5));
    say("long", "%ld", straight(ctx, probe_a, OBJ_NIL));
    say("lisp", "%s", run(ctx, "(list (length '()) (length '(1 2 3)))"));
    say("improper", "%s", run(ctx, "(length '(1 2 . 3))"));
    run(ctx, "(begin (define round (list 1 2 3)) (set-cdr! (cddr round) round) (define odd '(1 2 . 3)))");
    say("circular", "%s", run(ctx, "(length round)"));
    say("list?", "%s", run(ctx, "(list (list? '(1 2)) (list? odd) (list? round) (list? '()))"));
    say("vector", "%s", run(ctx, "(list->vector odd)"));
    say("vector-round", "%s", run(ctx, "(list->vector round)"));
    say("apply", "%s", run(ctx, "(apply + odd)"));
    say("apply-round", "%s", run(ctx, "(apply + round)"));
    say("call", "%s", run(ctx, "(+ 1 . 2)"));
    say("map", "%s", run(ctx, "(map (lambda (x) x) round)"));
    say("filter", "%s", run(ctx, "(filter (lambda (x) x) round)"));
    say("for-each", "%s", run(ctx, "(for-each (lambda (x) x) round)"));
    say("fold", "%s", run(ctx, "(fold + 0 odd)"));
    say("reverse", "%s", run(ctx, "(reverse round)"));
    say("append", "%s", run(ctx, "(append round '(1))"));
    say("append-last", "%s", run(ctx, "(append '(1) '(2 . 3))"));
    say("sort", "%s", run(ctx, "(sort odd <)"));
    say("fine", "%s", run(ctx, with_ab("(sort (append (list 3) (map (lambda (x) (+ x 1)) (list 1 %ld))) <)", probe_b - 1)));
    context_free(ctx);
    return probe_end();
}
