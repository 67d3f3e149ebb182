#include "tools.h"

#include <fcntl.h>

static char trail[256];
static int seen_state, hook_eval, hook_stop;

static void note(const char *word)
{
    if (trail[0] != '\0')
        strcat(trail, " ");
    strcat(trail, word);
}

static void first(Context *ctx, void *arg)
{
    Obj *out = NULL;
    hook_eval = context_eval(ctx, arg, &out);
    note(with_ab("first:%ld", hook_eval == ERR_OK ? (long)out->u.i : -1L));
}

static void plain(Context *ctx, void *arg)
{
    seen_state = context_state(ctx);
    note(arg);
}

static void outer(Context *ctx, void *arg)
{
    note(arg);
    context_at_stop(ctx, plain, (void *)"inner");
}

static void raising(Context *ctx, void *arg)
{
    (void)arg;
    err_raise(ctx, "from a hook");
}

static void stopping(Context *ctx, void *arg)
{
    (void)arg;
    hook_stop++;
    context_stop(ctx);
}

int main(void)
{
    Obj *out = OBJ_NIL;
    ContextOptions options;
    probe_start(50);
    context_options_init(&options);
    Context *ctx = context_create(&options);
    int state = context_state(ctx);
    ErrStatus status = context_eval(ctx, "(define early 1)", &out);
    say("created", "%d %d %d", state, status, out == NULL);
    int started = context_start(ctx);
    state = context_state(ctx);
    int again = context_start(ctx);
    status = context_eval(ctx, "early", &out);
    say("started", "%d %d %d %d", started, state, again, status);

    status = context_eval(ctx, with_ab("(define y %ld) (+ y %ld)", probe_a - 1, 1L), &out);
    long value = (long)out->u.i;
    ErrStatus failed = context_eval(ctx, with_ab("(error \"oops %ld\")", probe_b), &out);
    char message[64];
    snprintf(message, sizeof message, "%s", out->u.error.message->u.str.data);
    ErrStatus left = context_eval(ctx, "(exit 7)", NULL);
    say("eval", "%d %ld %d %s %d %d", status, value, failed, message, left, err_exit_code(ctx));
    say("restart", "%d %d", context_start(ctx), context_state(ctx));

    context_at_stop(ctx, first, (void *)"(+ y 1)");
    context_at_stop(ctx, plain, (void *)"second");
    context_at_stop(ctx, plain, (void *)"third");
    context_eval(ctx, "(define p (make-pipe)) (after 100000 car)", NULL);
    context_eval(ctx, "(car p)", &out);
    int fd = (int)out->u.i;
    int stopped = context_stop(ctx);
    say("hooks", "%s", trail);
    say("while-running", "%d %d %d", seen_state, fcntl(fd, F_GETFD) == -1, hook_eval);
    state = context_state(ctx);
    status = context_eval(ctx, "y", &out);
    again = context_stop(ctx);
    say("stopped", "%d %d %d %d %d", state, status, again + stopped, context_start(ctx),
        context_at_stop(ctx, plain, (void *)"late"));
    say("readable", "%d", live(ctx) > 100);
    context_destroy(ctx);

    trail[0] = '\0';
    ctx = context_new();
    context_at_stop(ctx, outer, (void *)"outer");
    context_free(ctx);
    say("hook-in-hook", "%s", trail);

    trail[0] = '\0';
    ctx = context_new();
    context_at_stop(ctx, plain, (void *)"after");
    context_at_stop(ctx, raising, NULL);
    context_destroy(ctx);
    say("raising-hook", "%s", trail);

    trail[0] = '\0';
    ctx = context_create(NULL);
    int registered = context_at_stop(ctx, plain, (void *)"never");
    stopped = context_stop(ctx);
    context_destroy(ctx);
    say("unstarted", "%d %d %d", registered, stopped, (int)strlen(trail));

    ctx = context_new();
    context_at_stop(ctx, stopping, NULL);
    context_stop(ctx);
    context_stop(ctx);
    context_destroy(ctx);
    say("stop-twice", "%d", hook_stop);

    ctx = context_new();
    state = context_state(ctx);
    context_stop(ctx);
    say("default", "%d %d", state, context_state(ctx));
    context_free(ctx);
    context_destroy(NULL);
    context_free(NULL);
    say("null", "1");
    return probe_end();
}
