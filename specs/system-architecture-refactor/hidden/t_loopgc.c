#include "tools.h"

#include "loop.h"
#include "world.h"

static Context *ctx;

/* Objects that live now, all garbage gone. */
static size_t settled(void)
{
    heap_collect(ctx);
    heap_collect(ctx);
    return live(ctx);
}

int main(void)
{
    LoopStats stats;
    probe_start(50);
    ctx = context_new();
    run(ctx, "(define n 0) (define (big) (iota 100))");
    run(ctx, "(define (timer ms) (let ((data (big))) (after ms (lambda () (set! n (+ n (length data)))))))");
    run(ctx, "(define id 0) (define got #f) (define (forget) (set! got #f) (set! id 0))");
    run(ctx, "(begin (let loop ((i 0)) (when (< i 20) (timer 1) (loop (+ i 1)))) (run-loop) (set! n 0) (forget))");
    size_t base = settled();

    run(ctx, "(begin (let loop ((i 0)) (when (< i 20) (timer 5) (loop (+ i 1)))) (forget))");
    size_t armed = settled();
    loop_stats(ctx, &stats);
    say("timers", "%d %d", armed >= base + 20 * 100, stats.timers == 20);
    int calls = loop_run(ctx);
    run(ctx, with_ab("(set! n (+ (- n 2000) %ld))", probe_a));
    say("fired", "%d %s", calls, run(ctx, "n"));
    run(ctx, "(set! n 0)");
    size_t after = settled();
    say("released", "%d", after <= base + 20);

    run(ctx, "(begin (set! id (timer 100000)) (timer 100000))");
    run(ctx, "(begin (cancel id) (cancel (+ id 1)) (forget))");
    after = settled();
    say("cancelled", "%d", after <= base + 20);

    run(ctx, with_ab("(begin (set! n 0) (let ((data (big)) (mine %ld)) (set! id (every 1 (lambda () (gc) (set! n (+ n 1))"
                     " (when (= n 3) (cancel id) (set! got (list n mine))))))))", probe_b));
    run(ctx, "(run-loop)");
    say("repeating", "%s", run(ctx, "got"));
    run(ctx, "(begin (forget) (set! n 0))");
    after = settled();
    say("ended", "%d", after <= base + 20);

    run(ctx, "(define p #f) (define (watch) (set! p (make-pipe)) (let ((data (big)))"
             " (on-readable (car p) (lambda (fd) (set! got (fd-read fd)) (length data) (unwatch fd)))))");
    run(ctx, "(begin (watch) (gc) (fd-write (cdr p) \"warm\") (run-loop) (fd-close (car p)) (fd-close (cdr p)) (set! p #f) (forget))");
    base = settled();
    run(ctx, "(watch)");
    armed = settled();
    run(ctx, with_ab("(fd-write (cdr p) \"x%ld\")", probe_a));
    run(ctx, "(run-loop)");
    say("watch", "%s %d", run(ctx, "got"), armed >= base + 100);
    run(ctx, "(begin (on-readable (car p) (lambda (fd) (set! got \"first\")))"
             " (on-readable (car p) (lambda (fd) (set! got \"second\") (unwatch fd))) (gc) (fd-write (cdr p) \"y\") (run-loop))");
    say("replaced", "%s", run(ctx, "got"));
    run(ctx, "(begin (fd-close (car p)) (fd-close (cdr p)) (set! p #f) (forget))");
    after = settled();
    say("unwatched", "%d", after <= base + 20);

    run(ctx, "(begin (set! got '()) (post (lambda (x) (set! got (cons (car x) got))) (list 0 (big))))");
    run(ctx, "(begin (post (lambda (x) (set! got (cons (car x) got))) (list 1 (big)))"
             " (post (lambda (x) (set! got (cons (car x) got))) (list 2 (big))))");
    armed = settled();
    run(ctx, "(run-loop)");
    const char *order = run(ctx, "got");
    run(ctx, "(forget)");
    after = settled();
    say("posted", "%d %s %d", armed >= base + 300, order, after <= base + 20);

    /* A callback that drops what it was registered with, while it runs. */
    run(ctx, "(begin (set! n 0) (let ((data (big))) (set! id (every 1 (lambda () (cancel id) (gc) (iota 100)"
             " (set! n (if (= (length data) 100) 2 1)))))) (run-loop))");
    say("self", "%s", run(ctx, "n"));

    heap_set_stress(ctx, 1);
    run(ctx, "(begin (define q (make-pipe)) (set! n 0) (on-readable (car q) (lambda (fd) (fd-read fd) (fd-close fd)))"
             " (after 1 (lambda () (fd-write (cdr q) \"go\") (after 1 (lambda () (set! n 'done))))) (run-loop))");
    say("stress", "%s", run(ctx, "n"));
    heap_set_stress(ctx, 0);
    loop_stats(ctx, &stats);
    say("stats", "%zu %zu %zu", stats.timers, stats.watches, stats.posts);
    context_free(ctx);
    return probe_end();
}
