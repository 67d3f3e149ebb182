/* error.c - non-local exits with unwinding of roots and evaluation depth. */
#include "error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "eval2.h"
#include "heap2.h"
#include "log.h"

typedef struct ErrFrame {
    struct ErrFrame *prev;
    jmp_buf jump;
    RootFrame2 *roots;
    int depth;
} ErrFrame;

static ErrFrame *g_err_top;
static Obj2 *g_err_pending;
static int g_exit_code;

void err2_init(void)
{
    g_err_top = NULL;
    g_err_pending = NULL;
    g_exit_code = 0;
}

ErrStatus2 err2_protect(ErrBody2 body, void *arg, Obj2 **out)
{
    ErrFrame frame;
    frame.prev = g_err_top;
    frame.roots = g_heap.roots;
    frame.depth = g_eval_depth;
    g_err_top = &frame;
    int status = setjmp(frame.jump);
    if (status == 0) {
        Obj2 *value = body(arg);
        g_err_top = frame.prev;
        if (out != NULL)
            *out = value;
        return ERR_OK;
    }
    g_err_top = frame.prev;
    g_heap.roots = frame.roots;
    g_eval_depth = frame.depth;
    if (out != NULL)
        *out = g_err_pending;
    g_err_pending = NULL;
    return (ErrStatus2)status;
}

static _Noreturn void err_jump(ErrStatus2 status, Obj2 *error)
{
    if (g_err_top == NULL) {
        fprintf(stderr, "minilisp: error outside any handler\n");
        abort();
    }
    g_err_pending = error;
    longjmp(g_err_top->jump, status);
}

void err2_raise(const char *fmt, ...)
{
    char text[256];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    log_write(LOG_DEBUG, "raise: %s", text);
    err2_raise_obj(obj2_error(obj2_cstr(text), OBJ_NIL));
}

void err2_raise_obj(Obj2 *error)
{
    err_jump(ERR_RAISED, error);
}

void err2_raise_exit(int code)
{
    g_exit_code = code;
    err_jump(ERR_EXIT, OBJ_NIL);
}

void err2_rethrow(ErrStatus2 status, Obj2 *error)
{
    err_jump(status, error);
}

int err2_exit_code(void)
{
    return g_exit_code;
}

void err2_mark(void)
{
    gc_mark2_(g_err_pending);
}
