#include "tools.h"

#include <fcntl.h>

#include "loop.h"
#include "script.h"

static long outstanding, calls, foreign, bytes;

/* Every block carries a mark, so that one that did not come from here is noticed. */
static void *counting(void *user, void *ptr, size_t size)
{
    long *mark = (long *)user;
    char *block = ptr;
    calls++;
    bytes += (long)size;
    if (block != NULL) {
        block -= 16;
        if (*(long *)block != *mark)
            foreign++;
    }
    if (size == 0) {
        if (block != NULL)
            outstanding--;
        free(block);
        return NULL;
    }
    char *made = realloc(block, size + 16);
    if (block == NULL)
        outstanding++;
    *(long *)made = *mark;
    return made + 16;
}

static int open_descriptors(void)
{
    int n = 0;
    for (int fd = 0; fd < 256; fd++)
        n += fcntl(fd, F_GETFD) != -1;
    return n;
}

static void hook(Context *ctx, void *arg)
{
    (void)arg;
    context_eval(ctx, "(define bye (iota 10))", NULL);
}

int main(void)
{
    int rounds = 0, errors = 0;
    long mark = 0x5a5a0000 + probe_a;
    ContextOptions options;
    probe_start(50);
    mark += probe_a;
    context_options_init(&options);
    options.mem = counting;
    options.mem_user = &mark;
    int before = open_descriptors();
    for (int i = 0; i < 120; i++, rounds++) {
        options.gc_threshold = i % 3 == 0 ? 100 : 0;
        Context *ctx = context_create(&options);
        if (i % 4 == 0) {
            context_destroy(ctx); /* never started */
            continue;
        }
        context_start(ctx);
        context_at_stop(ctx, hook, NULL);
        context_at_stop(ctx, hook, NULL);
        context_eval(ctx, "(define keep (map (lambda (i) (make-vector 5 (number->string i))) (iota 50)))", NULL);
        context_eval(ctx, "(after 100000 (lambda () keep)) (every 50000 (lambda () keep))", NULL);
        context_eval(ctx, "(define p (make-pipe)) (define q (make-pipe)) (on-readable (car p) (lambda (fd) keep))", NULL);
        context_eval(ctx, "(fd-close (cdr q))", NULL);
        errors += context_eval(ctx, "(string-append \"a\" (error \"left behind\" keep))", NULL) == ERR_RAISED && i % 4 == 1;
        context_eval(ctx, "(eval-string \"(1 2 (\\\"abc\")", NULL);
        context_eval(ctx, "(after 0 (lambda () (stop-loop))) (run-loop)", NULL);
        if (i % 4 == 2)
            context_stop(ctx);
        context_destroy(ctx);
    }
    say("rounds", "%d", rounds);
    say("balance", "%ld %d", outstanding, calls > 120);
    say("descriptors", "%d", open_descriptors() - before);
    say("foreign", "%ld", foreign);
    say("errors", "%d", errors);
    /* The script functions in a context of their own allocator. */
    Context *ctx = context_create(&options);
    context_start(ctx);
    int code = script_run_text(ctx, "(define z (list 1 2 3))", 23, 0);
    context_destroy(ctx);
    ctx = context_create(&options);
    context_start(ctx);
    bytes = 0;
    context_eval(ctx, "(define big (make-vector 100000 0))", NULL);
    int through = bytes >= (long)(100000 * sizeof(void *));
    bytes = 0;
    context_eval(ctx, "(define many (iota 20000))", NULL);
    through += bytes >= 20000 * 16;
    context_destroy(ctx);
    say("through", "%d %ld", through, outstanding);
    say("file", "%d %ld", code, outstanding);
    return probe_end();
}
