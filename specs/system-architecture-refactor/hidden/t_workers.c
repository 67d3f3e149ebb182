#include "tools.h"

#include "world.h"

static long outstanding;
static char output[16384];
static size_t output_len;

static void *counting(void *user, void *ptr, size_t size)
{
    (void)user;
    if (size == 0) {
        __atomic_fetch_sub(&outstanding, ptr != NULL, __ATOMIC_RELAXED);
        free(ptr);
        return NULL;
    }
    __atomic_fetch_add(&outstanding, ptr == NULL, __ATOMIC_RELAXED);
    return realloc(ptr, size);
}

/* The calls are made one at a time. */
static void collect_output(void *user, const char *data, size_t len)
{
    (void)user;
    if (output_len + len < sizeof output) {
        memcpy(output + output_len, data, len);
        output_len += len;
    }
}

int main(void)
{
    ContextOptions options;
    WorldStats stats;
    probe_start(50);
    context_options_init(&options);
    options.mem = counting;
    options.output = collect_output;
    options.gc_threshold = 500;
    Context *ctx = context_create(&options);
    context_start(ctx);
    say("value", "%s", run(ctx, with_ab("(join (spawn (lambda () (+ %ld %ld))))", probe_a - 9, 9L)));
    say("many", "%s", run(ctx, "(map join (map (lambda (i) (spawn (lambda () (* i i)))) (iota 8)))"));
    say("error", "%s", run(ctx, with_ab("(join (spawn (lambda () (error \"bad %ld\"))))", probe_b)));
    say("caught", "%s", run(ctx, "(try (join (spawn (lambda () (error \"bad\")))) (lambda (e) (error-message e)))"));
    say("exited", "%s", run(ctx, "(join (spawn (lambda () (exit 3))))"));
    say("twice", "%s", run(ctx, "(begin (define t (spawn (lambda () 5))) (list (join t) (join t)))"));
    say("kinds", "%s", run(ctx, "(list (thread? t) (thread? 5) t)"));
    say("arguments", "%s", run(ctx, "(spawn 5)"));
    say("loop", "%s", run(ctx, "(join (spawn (lambda () (after 1 car))))"));
    say("shared", "%s", run(ctx, "(begin (define box (make-vector 8 0))"
                                 " (for-each join (map (lambda (i) (spawn (lambda () (vector-set! box i 1)))) (iota 8)))"
                                 " (fold + 0 (vector->list box)))"));
    say("survives", "%s", run(ctx, "(begin (define w (spawn (lambda () (map (lambda (x) x) (iota 10)))))"
                                   " (sleep 20) (gc) (iota 2000) (gc) (join w))"));
    say("nested", "%s", run(ctx, "(join (spawn (lambda () (+ 1 (join (spawn (lambda () (+ 2 (join (spawn (lambda () 3))))))))))"
                                 ")"));
    long long start = now_ms();
    run(ctx, "(define naps (map (lambda (i) (spawn (lambda () (sleep 1500) i))) (iota 4)))");
    run(ctx, "(gc)"); /* does not wait for those who sleep */
    int quick = now_ms() - start < 1200;
    run(ctx, "(for-each join naps)");
    say("sleeping", "%d %d", quick, now_ms() - start >= 1499);

    output_len = 0;
    run(ctx, "(for-each join (map (lambda (i) (spawn (lambda () (let loop ((n 0)) (when (< n 15)"
             " (print 'line i \"of\" n) (loop (+ n 1))))))) (iota 4)))");
    int lines = 0, whole = 0;
    for (char *line = output, *end; (end = memchr(line, '\n', output_len - (size_t)(line - output))) != NULL; line = end + 1) {
        int i, n, used = 0;
        lines++;
        whole += sscanf(line, "line %d \"of\" %d%n", &i, &n, &used) == 2 && line + used == end;
        if (end + 1 >= output + output_len)
            break;
    }
    say("lines", "%d %d", lines, whole);
    world_stats(ctx, &stats);
    for (int i = 0; i < 2000 && stats.threads > 1; i++) {
        pause_ms(1);
        world_stats(ctx, &stats);
    }
    say("after-join", "%zu", stats.threads);

    run(ctx, "(define a (spawn (lambda () (let loop () (loop)))))");
    run(ctx, "(spawn (lambda () (join a)))");
    run(ctx, "(spawn (lambda () (while #t (try (error \"again\") (lambda (e) e)))))");
    run(ctx, "(spawn (lambda () (let loop ((n 0)) (list n) (loop (+ n 1)))))");
    pause_ms(20);
    start = now_ms();
    context_stop(ctx);
    say("stops", "%d %d", now_ms() - start < 5000, context_state(ctx));
    context_destroy(ctx);

    ctx = context_create(&options);
    context_start(ctx);
    run(ctx, "(spawn (lambda () (sleep 60000)))");
    pause_ms(10);
    start = now_ms();
    context_destroy(ctx);
    say("stop-sleep", "%d", now_ms() - start < 5000);

    ctx = context_create(&options);
    context_start(ctx);
    run(ctx, "(begin (for-each (lambda (i) (spawn (lambda () i))) (iota 40)) 1)"); /* never joined */
    say("again", "1 %s", run(ctx, with_ab("(join (spawn (lambda () %ld)))", probe_a)));
    context_destroy(ctx);
    say("balance", "%ld", outstanding);
    return probe_end();
}
