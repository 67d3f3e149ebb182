/* special.h - the special forms. */
#ifndef MINILISP_SPECIAL_H
#define MINILISP_SPECIAL_H

#include "obj2.h"

typedef enum SpecialForm {
    SF_NONE,
    SF_QUOTE,
    SF_QUASIQUOTE,
    SF_IF,
    SF_COND,
    SF_CASE,
    SF_AND,
    SF_OR,
    SF_WHEN,
    SF_UNLESS,
    SF_LET,
    SF_LETSTAR,
    SF_LETREC,
    SF_LAMBDA,
    SF_DEFINE,
    SF_DEFINE_MACRO,
    SF_SET,
    SF_BEGIN,
    SF_WHILE,
    SF_TRY
} SpecialForm;

/* Give the keywords their meaning. */
void special_init(void);

/* Evaluate the form in *expr. NULL: go on with what is now in *expr and *env (a tail call).
 * Both slots are rooted by the caller. */
Obj2 *special_eval(int form, Obj2 **expr, Obj2 **env);

#endif
