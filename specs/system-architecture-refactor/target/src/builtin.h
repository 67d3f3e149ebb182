/* builtin.h - registration of the builtin procedures. */
#ifndef MINILISP_BUILTIN_H
#define MINILISP_BUILTIN_H

#include <stddef.h>

#include "obj2.h"

typedef struct BuiltinSpec {
    const char *name;
    BuiltinFn2 fn;
    int min_args;
    int max_args; /* -1: any number */
} BuiltinSpec;

/* Bind one name in the global environment. */
void builtin_define(const char *name, BuiltinFn2 fn, int min_args, int max_args);
void builtin_define_table(const BuiltinSpec *table, size_t count);
void builtin_register_all(void);

/* One a file. */
void builtin_register_numbers(void);
void builtin_register_lists(void);
void builtin_register_strings(void);
void builtin_register_vectors(void);
void builtin_register_control(void);
void builtin_register_io(void);

/* Argument checks for the builtins: who names the builtin in the message. */
int64_t builtin_int(const char *who, Obj2 *value);
Obj2 *builtin_typed(const char *who, Obj2 *value, ObjType2 type);

#endif
