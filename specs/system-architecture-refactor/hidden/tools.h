/* tools.h - what the test programs with a context share. */
#ifndef TOOLS_H
#define TOOLS_H

#include "probe.h"

#include "context.h"
#include "env.h"
#include "error.h"
#include "eval.h"
#include "heap.h"
#include "obj.h"
#include "printer.h"
#include "strbuf.h"
#include "symbol.h"

#include <time.h>

static Obj *tool_body(Context *ctx, void *arg)
{
    const char *text = arg;
    return eval_text(ctx, text, strlen(text));
}

/* The text of the last value of a program, or "!" and the message of its error, or "exit N". */
static const char *run(Context *ctx, const char *text)
{
    static _Thread_local char answers[8][2048];
    static _Thread_local int turn;
    char *answer = answers[turn++ % 8];
    Obj *slots[1] = {OBJ_NIL};
    RootFrame frame;
    Obj *out = NULL;
    ErrStatus status = err_protect(ctx, tool_body, (void *)text, &out);
    if (status == ERR_EXIT) {
        snprintf(answer, sizeof answers[0], "exit %d", err_exit_code(ctx));
        return answer;
    }
    slots[0] = out;
    heap_enter(ctx, &frame, slots, 1);
    StrBuf sb;
    sb_init(ctx, &sb);
    printer_format(&sb, status == ERR_RAISED ? out->u.error.message : out, status != ERR_RAISED);
    snprintf(answer, sizeof answers[0], "%s%s", status == ERR_RAISED ? "!" : "", sb.data);
    sb_free(&sb);
    heap_leave(ctx, &frame);
    return answer;
}

static long long now_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (long long)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void pause_ms(int ms)
{
    struct timespec ts = {ms / 1000, ms % 1000 * 1000000L};
    nanosleep(&ts, NULL);
}

static size_t live(Context *ctx)
{
    HeapStats stats;
    heap_stats(ctx, &stats);
    return stats.live;
}

#endif
