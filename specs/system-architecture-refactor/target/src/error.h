/* error.h - raising Lisp errors and catching them from C. */
#ifndef MINILISP_ERROR_H
#define MINILISP_ERROR_H

#include "obj2.h"

#if defined(__GNUC__)
#define ERR_PRINTF(f, a) __attribute__((format(printf, f, a)))
#else
#define ERR_PRINTF(f, a)
#endif

typedef Obj2 *(*ErrBody2)(void *arg);

typedef enum ErrStatus2 {
    ERR_OK = 0,    /* the body returned */
    ERR_RAISED = 1, /* the body raised: the error object is in *out */
    ERR_EXIT = 2   /* (exit n) was called: see err2_exit_code */
} ErrStatus2;

void err2_init(void);

/* Run body(arg); errors raised in it end here. */
ErrStatus2 err2_protect(ErrBody2 body, void *arg, Obj2 **out);

_Noreturn void err2_raise(const char *fmt, ...) ERR_PRINTF(1, 2);
_Noreturn void err2_raise_obj(Obj2 *error);
_Noreturn void err2_raise_exit(int code);
/* Pass on what err2_protect caught. */
_Noreturn void err2_rethrow(ErrStatus2 status, Obj2 *error);

int err2_exit_code(void);

/* Called while marking. */
void err2_mark(void);

#endif
