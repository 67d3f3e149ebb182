/* eval2.h - the evaluator. */
#ifndef MINILISP_EVAL2_H
#define MINILISP_EVAL2_H

#include <stddef.h>

#include "obj2.h"

#define EVAL2_MAX_DEPTH 2500
#define EVAL2_MAX_ARGS 255

extern int g_eval_depth;

void eval2_init(void);
/* The value of an expression in an environment (OBJ_NIL: the global one). */
Obj2 *eval2_expr(Obj2 *expr, Obj2 *env);
/* Apply a procedure to arguments that the caller keeps rooted. */
Obj2 *eval2_apply(Obj2 *fn, int argc, Obj2 **argv);
/* Evaluate every form of a text; the value of the last one. */
Obj2 *eval2_text(const char *text, size_t len);
/* Evaluate all but the last of the forms of a body; the last one unevaluated. */
Obj2 *eval2_body_tail(Obj2 *body, Obj2 *env);

#endif
