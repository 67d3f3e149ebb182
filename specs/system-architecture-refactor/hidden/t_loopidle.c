#include "tools.h"

#include "loop.h"

int main(void)
{
    LoopStats first, second;
    HeapStats heap;
    probe_start(50);
    Context *ctx = context_new();
    heap_set_threshold(ctx, 1000000);
    heap_collect(ctx);
    size_t base = live(ctx);
    run(ctx, "(define seen 0)");
    loop_stats(ctx, &first);
    run(ctx, "(begin (after 1 (lambda () (iota 5000) 1)) (after 60 (lambda () (set! seen (heap-stat 'live)))) (run-loop))");
    loop_stats(ctx, &second);
    heap_stats(ctx, &heap);
    long seen = strtol(run(ctx, "seen"), NULL, 10);
    say("idle", "%d %d", second.idle_collections > first.idle_collections, seen < (long)base + 4000);
    /* Little garbage is no reason to collect. */
    heap_collect(ctx);
    run(ctx, "(begin (after 1 (lambda () (iota 20) 1)) (after 30 (lambda () 1)) (run-loop))");
    loop_stats(ctx, &first);
    say("quiet", "%d", first.idle_collections == second.idle_collections);
    /* Nor is much, if there is something to do. */
    heap_collect(ctx);
    run(ctx, "(begin (post (lambda (x) (iota 5000) (post (lambda (y) 1) 1)) 1) (run-loop))");
    loop_stats(ctx, &second);
    say("busy", "%d", (int)(second.idle_collections - first.idle_collections));

    run(ctx, "(define log '())");
    run(ctx, with_ab("(after 1 (lambda () (error \"first %ld\")))", probe_a));
    run(ctx, "(after 2 (lambda () (set! log (cons 'second log))))");
    say("error", "%s", run(ctx, "(run-loop)"));
    const char *more = run(ctx, "(run-loop)");
    say("again", "%s %s", more, run(ctx, "log"));

    run(ctx, "(define p (make-pipe))");
    run(ctx, "(define turn 0) (define got #f)");
    run(ctx, "(on-readable (car p) (lambda (fd) (set! turn (+ turn 1)) (if (= turn 1) (error \"in watch\")"
             " (begin (set! got (fd-read fd)) (fd-close fd)))))");
    run(ctx, "(fd-write (cdr p) \"kept\")");
    say("other", "%s", run(ctx, "(run-loop)"));
    run(ctx, "(run-loop)");
    say("watch-again", "%s", run(ctx, "got"));

    run(ctx, "(begin (after 1 (lambda () (exit 5))) (after 2 (lambda () 1)))");
    say("exit", "%s", run(ctx, "(run-loop)"));
    say("after-exit", "%s", run(ctx, "(run-loop)"));
    run(ctx, "(after 1 (lambda () (run-loop)))");
    say("nested", "%s", run(ctx, "(run-loop)"));
    run(ctx, "(begin (after 1 (lambda () (stop-loop))) (after 5 (lambda () 1)))");
    int calls = loop_run(ctx);
    say("stop-early", "%d %d", calls, (int)loop_pending(ctx));
    context_free(ctx);
    return probe_end();
}
