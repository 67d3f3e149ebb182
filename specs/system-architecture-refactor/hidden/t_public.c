#include "probe.h"

#include "minilisp.h"

static int hooks;

static void hook(Context *ctx, void *arg)
{
    hooks += context_state(ctx) == CTX_RUNNING && arg == &hooks;
}

static void collect(void *user, const char *data, size_t len)
{
    strncat(user, data, len);
}

int main(void)
{
    char text[256], small[4], output[64] = "";
    Obj *out = NULL;
    ContextOptions options;
    probe_start(50);
    say("version", "%d", strlen(MINILISP_VERSION) > 0);
    context_options_init(&options);
    options.output = collect;
    options.output_user = output;
    Context *ctx = context_create(&options);
    int created = context_state(ctx) == CTX_CREATED ? 0 : -1;
    int started = context_start(ctx);
    int running = context_state(ctx) == CTX_RUNNING;
    Context *other = context_create(NULL);
    int early = context_eval(other, "1", NULL);
    context_start(other);
    context_stop(other);
    say("life", "%d %d %d %d %d", created, started, running, early, context_state(other));
    context_destroy(other);
    ErrStatus status = context_eval(ctx, with_ab("(list %ld \"two\" #(3))", probe_a), &out);
    size_t len = context_format(ctx, out, 1, text, sizeof text);
    size_t same = context_format(ctx, out, 1, NULL, 0);
    context_eval(ctx, "\"three\"", &out);
    say("value", "%d %s %zu", status, text, len == strlen(text) && same == len ? context_format(ctx, out, 0, NULL, 0) : 0);
    context_eval(ctx, "\"two\"", &out);
    context_format(ctx, out, 0, text, sizeof text);
    say("plain", "%s", text);
    context_eval(ctx, "'(@A 2 3 4)", &out);
    context_format(ctx, out, 1, small, sizeof small);
    say("cut", "%s", small);
    status = context_eval(ctx, "(error \"boom\")", &out);
    context_eval(ctx, "(try (error \"boom\") (lambda (e) (error-message e)))", &out);
    context_format(ctx, out, 0, text, sizeof text);
    say("error", "%d %s", status, text);
    context_eval(ctx, with_ab("(display \"hello \" %ld)", probe_b), NULL);
    say("output", "%s", output);
    context_at_stop(ctx, hook, &hooks);
    context_stop(ctx);
    say("hooks", "%d", hooks);
    context_destroy(ctx);
    ctx = context_new();
    say("exit", "%d", context_eval(ctx, "(exit 1)", NULL));
    context_free(ctx);
    return probe_end();
}
