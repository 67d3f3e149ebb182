#include "tools.h"

#include "builtin.h"
#include "log.h"
#include "loop.h"
#include "mem.h"

static Context *other;

/* Called in one context, evaluates in the other. */
static Obj *bi_elsewhere(Context *ctx, int argc, Obj **argv)
{
    (void)argc;
    const char *answer = run(other, argv[0]->u.str.data);
    return obj_int(ctx, strtol(answer, NULL, 10));
}

static size_t allocated(Context *ctx)
{
    HeapStats stats;
    heap_stats(ctx, &stats);
    return stats.allocated;
}

static size_t collections(Context *ctx)
{
    HeapStats stats;
    heap_stats(ctx, &stats);
    return stats.collections;
}

int main(void)
{
    probe_start(50);
    Context *a = context_new(), *b = context_new();
    run(a, with_ab("(define x %ld)", probe_a));
    run(b, with_ab("(define x %ld)", probe_b));
    run(a, "(define only-in-a 1)");
    say("globals", "%s %s", run(a, "x"), run(b, "x"));
    say("unbound", "%s", run(b, "only-in-a"));

    size_t count_a = sym_count(a), count_b = sym_count(b);
    for (int i = 0; i < 10; i++)
        sym_intern(a, with_ab("fresh-%d", i));
    say("symbols", "%d %d %d", sym_intern(a, "fresh-1") != sym_intern(b, "x"), (int)(sym_count(a) - count_a),
        (int)(sym_count(b) - count_b));
    const char *g1 = run(a, "(gensym)"), *g2 = run(a, "(gensym)"), *g3 = run(a, "(gensym)");
    say("gensym", "%s %s %s %s", g1, g2, g3, run(b, "(gensym)"));

    size_t all_a = allocated(a), all_b = allocated(b);
    for (int i = 0; i < 100; i++)
        obj_cons(a, OBJ_NIL, OBJ_NIL);
    say("heap", "%d %d", (int)(allocated(a) - all_a), (int)(allocated(b) - all_b));
    size_t before = live(a), runs = collections(a);
    heap_collect(b);
    int untouched = live(a) != before, counted = collections(a) != runs;
    heap_collect(a);
    say("collect", "%d %d %d", untouched, counted, live(a) < before);

    heap_set_threshold(a, 50);
    size_t ca = collections(a), cb = collections(b);
    run(a, "(length (iota 1000))");
    run(b, "(length (iota 1000))");
    say("threshold", "%d %d", collections(a) >= ca + 2, collections(b) > cb);

    const char *ea = run(a, "(exit 3)"), *eb = run(b, "(exit 4)");
    say("exit", "%s %s %d %d", ea, eb, err_exit_code(a), err_exit_code(b));

    run(a, "(define log '()) (after 1 (lambda () (set! log (cons 'a log))))");
    run(b, "(define log '()) (after 1 (lambda () (set! log (cons 'b log))))");
    pause_ms(5);
    int calls = loop_run(a);
    say("loops", "%d %d %s %s", calls, (int)loop_pending(b), run(a, "log"), run(b, "log"));
    calls = loop_run(b);
    say("later", "%d %s", calls, run(b, "log"));

    say("depth", "%s %s", run(a, "(begin (define (deep n) (+ 1 (deep n))) (deep 0))"), run(b, "x"));

    other = b;
    builtin_define(a, "elsewhere", bi_elsewhere, 1, 1);
    say("nested", "%s", run(a, "(list x (elsewhere \"(begin (gc) x)\"))"));
    say("inner", "%s %s", run(b, "(error \"inner\")"), run(a, "(begin (elsewhere \"(error 1)\") x)"));

    char *text_a = NULL, *text_b = NULL;
    size_t len_a, len_b;
    FILE *file_a = open_memstream(&text_a, &len_a), *file_b = open_memstream(&text_b, &len_b);
    printer_set_stream(a, file_a);
    printer_set_stream(b, file_b);
    run(a, "(display 'a x)");
    run(b, "(display 'b x)");
    fclose(file_a);
    fclose(file_b);
    printer_set_stream(a, NULL);
    printer_set_stream(b, NULL);
    say("output", "%s %s", text_a, text_b);
    free(text_a);
    free(text_b);

    log_set_level(a, LOG_DEBUG);
    int level_a = log_get_level(a), level_b = log_get_level(b);
    log_set_level(a, LOG_OFF);
    say("log", "%d %d", level_a, level_b);

    size_t ba = mem_blocks(a), bb = mem_blocks(b);
    void *p = mem_alloc(a, 10);
    size_t grown = mem_blocks(a) - ba, same = mem_blocks(b) == bb;
    mem_free(a, p);
    say("blocks", "%d %d", (int)grown, (int)same && mem_blocks(a) == ba);

    say("nesting", "%s %s %s", run(a, "'(1 2)"), run(b, "((((("), run(a, "(eval-string \"(+ 1 2)\")"));
    run(a, "(define-macro (plus . xs) `(+ ,@xs))");
    say("macros", "%s %s", run(a, "(- (plus x 1) 1)"), run(b, "(plus 1 2)"));

    context_free(a);
    say("survivor", "%s", run(b, "(begin (gc) (fold + 0 (list x)))"));
    context_free(b);

    Context *many[8];
    char text[8][16];
    for (int i = 0; i < 8; i++)
        many[i] = context_new();
    for (int i = 0; i < 8; i++)
        run(many[i], with_ab("(define v %d)", i));
    for (int i = 7; i >= 0; i--)
        snprintf(text[i], sizeof text[i], "%s", run(many[i], "(* v v)"));
    for (int i = 0; i < 8; i++)
        context_free(many[(i * 3) % 8]);
    say("many", "%s %s %s %s %s %s %s %s", text[0], text[1], text[2], text[3], text[4], text[5], text[6], text[7]);
    context_free(NULL);
    return probe_end();
}
