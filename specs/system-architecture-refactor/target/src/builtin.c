/* builtin.c - registration and argument checks. */
#include "builtin.h"

#include "env2.h"
#include "error.h"
#include "symbol2.h"

void builtin_define(const char *name, BuiltinFn2 fn, int min_args, int max_args)
{
    Obj2 *symbol = sym2_intern(name);
    env2_define(OBJ_NIL, symbol, obj2_builtin(name, fn, min_args, max_args));
}

void builtin_define_table(const BuiltinSpec *table, size_t count)
{
    for (size_t i = 0; i < count; i++)
        builtin_define(table[i].name, table[i].fn, table[i].min_args, table[i].max_args);
}

void builtin_register_all(void)
{
    builtin_register_numbers();
    builtin_register_lists();
    builtin_register_strings();
    builtin_register_vectors();
    builtin_register_control();
    builtin_register_io();
}

int64_t builtin_int(const char *who, Obj2 *value)
{
    return builtin_typed(who, value, T_INT)->u.i;
}

Obj2 *builtin_typed(const char *who, Obj2 *value, ObjType2 type)
{
    if (value->type != type) {
        Obj2 wanted = {.type = (uint8_t)type};
        err2_raise("%s: expected %s, got %s", who, obj2_type_name(&wanted), obj2_type_name(value));
    }
    return value;
}
