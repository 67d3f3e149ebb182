/* env2.h - lexical environments; OBJ_NIL stands for the global one. */
#ifndef MINILISP_ENV2_H
#define MINILISP_ENV2_H

#include "obj2.h"

Obj2 *env2_new(Obj2 *parent);
void env2_define(Obj2 *env, Obj2 *symbol, Obj2 *value);
/* Change an existing binding; an unbound variable is a Lisp error. */
void env2_set(Obj2 *env, Obj2 *symbol, Obj2 *value);
Obj2 *env2_lookup(Obj2 *env, Obj2 *symbol);
/* A new environment in which the parameters are bound to the arguments. */
Obj2 *env2_bind(Obj2 *parent, Obj2 *params, int argc, Obj2 **argv);

#endif
