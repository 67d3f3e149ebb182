#include "tools.h"

#include "log.h"

static void collect_output(void *user, const char *data, size_t len)
{
    strncat(user, data, len);
}

static size_t collections(Context *ctx)
{
    HeapStats stats;
    heap_stats(ctx, &stats);
    return stats.collections;
}

int main(void)
{
    ContextOptions options, defaults;
    char one[256] = "", two[256] = "";
    probe_start(50);

    context_options_init(&options);
    options.max_objects = 5000;
    Context *ctx = context_create(&options);
    context_start(ctx);
    say("limit", "%s", run(ctx, "(begin (define (grow l) (grow (cons 1 l))) (grow '()))"));
    say("again", "%s", run(ctx, with_ab("(length (map (lambda (x) x) (iota %ld)))", probe_b)));
    say("caught", "%s", run(ctx, "(try (grow '()) (lambda (e) (error-message e)))"));
    /* Garbage is no reason to give up. */
    say("bounded", "%d", run(ctx, "(let loop ((i 0)) (if (< i 20000) (begin (list 1 2) (loop (+ i 1))) 'done))")[0] == 'd' &&
                             live(ctx) <= 5000);
    context_destroy(ctx);
    context_options_init(&options);
    options.max_objects = 20;
    ctx = context_create(&options);
    say("too-small", "%d", ctx == NULL);

    context_options_init(&options);
    options.output = collect_output;
    options.output_user = one;
    Context *a = context_create(&options);
    options.output_user = two;
    Context *b = context_create(&options);
    context_start(a);
    context_start(b);
    run(a, with_ab("(display \"one:\" %ld \" \")", probe_a));
    run(b, with_ab("(display \"two:\" %ld)", probe_b));
    run(a, "(write \"q\")");
    say("output", "%s %s", one, two);
    context_destroy(a);
    context_destroy(b);

    context_options_init(&options);
    options.gc_stress = 1;
    ctx = context_create(&options);
    context_start(ctx);
    size_t before = collections(ctx);
    run(ctx, "(list 1 2 3)");
    say("stress", "%d", collections(ctx) >= before + 3);
    context_destroy(ctx);

    context_options_init(&options);
    options.gc_threshold = 100;
    ctx = context_create(&options);
    context_start(ctx);
    heap_collect(ctx);
    before = collections(ctx);
    run(ctx, "(let loop ((i 0)) (if (< i 5000) (begin (list 1 2) (loop (+ i 1)))))");
    size_t often = collections(ctx) - before;
    context_destroy(ctx);
    ctx = context_new();
    heap_collect(ctx);
    before = collections(ctx);
    run(ctx, "(let loop ((i 0)) (if (< i 5000) (begin (list 1 2) (loop (+ i 1)))))");
    say("threshold", "%d", often > 4 * (collections(ctx) - before));
    context_destroy(ctx);

    context_options_init(&options);
    options.log_level = LOG_DEBUG;
    a = context_create(&options);
    b = context_create(NULL);
    say("log", "%d %d", log_get_level(a), log_get_level(b));
    context_destroy(a);
    context_destroy(b);
    context_options_init(&defaults);
    say("defaults", "%d", defaults.gc_threshold > 0 && defaults.max_objects == 0 && !defaults.gc_stress &&
                              defaults.log_level == LOG_OFF && defaults.output == NULL);
    return probe_end();
}
