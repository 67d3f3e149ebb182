#include "tools.h"

static long outstanding, until_failure = -1;
static size_t largest;

static void *failing(void *user, void *ptr, size_t size)
{
    (void)user;
    if (size == 0) {
        outstanding -= ptr != NULL;
        free(ptr);
        return NULL;
    }
    if (until_failure == 0 || size > largest)
        return NULL;
    if (until_failure > 0)
        until_failure--;
    void *moved = realloc(ptr, size);
    outstanding += ptr == NULL;
    return moved;
}

int main(void)
{
    ContextOptions options;
    Context *ctx = NULL;
    Obj *out = NULL;
    int refused = 0, leaked = 0, bad = 0;
    probe_start(50);
    context_options_init(&options);
    options.mem = failing;
    largest = 1 << 30;
    /* Fail at the nth allocation, for every n until creation succeeds. */
    for (long n = 0; ctx == NULL && n < 5000; n += n < 40 ? 1 : 3) {
        until_failure = n;
        ctx = context_create(&options);
        if (ctx == NULL) {
            refused++;
            leaked += outstanding != 0;
        }
    }
    until_failure = -1;
    say("refused", "%d %d %d", refused > 3, leaked, bad);
    int started = ctx != NULL && context_start(ctx) == 0;
    context_eval(ctx, with_ab("(+ %ld %ld)", probe_a - 3, 3L), &out);
    say("complete", "%d %ld", started, (long)out->u.i);

    largest = 200000;
    say("caught", "%s", run(ctx, "(try (make-vector 1000000 0) (lambda (e) (error-message e)))"));
    say("alive", "%s", run(ctx, with_ab("(fold + 0 (append (iota 100) (list %ld -4950)))", probe_a)));
    ErrStatus status = context_eval(ctx, "(make-vector 1000000 0)", &out);
    say("uncaught", "%d %s", status, out->u.error.message->u.str.data);
    context_destroy(ctx);
    say("balance", "%ld", outstanding);
    return probe_end();
}
