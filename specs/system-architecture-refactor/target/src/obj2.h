/* obj2.h - the value representation: every Lisp value is an Obj2. */
#ifndef MINILISP_OBJ2_H
#define MINILISP_OBJ2_H

#include <stddef.h>
#include <stdint.h>

typedef struct Obj2 Obj2;

typedef enum ObjType2 {
    T_NIL,
    T_UNSPEC,
    T_EOF,
    T_BOOL,
    T_INT,
    T_STR,
    T_SYM,
    T_PAIR,
    T_VEC,
    T_CLOSURE,
    T_BUILTIN,
    T_ENV,
    T_ERROR,
    T_TYPE_COUNT
} ObjType2;

/* A builtin receives its evaluated arguments; the caller keeps argv rooted. */
typedef Obj2 *(*BuiltinFn2)(int argc, Obj2 **argv);

enum { OBJ_FLAG_MACRO = 1 };

enum { MARK_WHITE = 0, MARK_BLACK = 1, MARK_STATIC = 2 };

struct Obj2 {
    Obj2 *next;       /* the heap's list of all objects */
    uint8_t type;    /* an ObjType2 */
    uint8_t mark;    /* MARK_* */
    uint8_t flags;   /* OBJ_FLAG_* */
    uint8_t special; /* symbols only: a SpecialForm, 0 for none */
    union {
        int64_t i;
        struct {
            char *data;
            size_t len;
        } str;
        struct {
            char *name;
            Obj2 *value; /* global binding, NULL while unbound */
            Obj2 *chain; /* next symbol of the same bucket */
        } sym;
        struct {
            Obj2 *car;
            Obj2 *cdr;
        } pair;
        struct {
            Obj2 **items;
            size_t len;
        } vec;
        struct {
            Obj2 *params;
            Obj2 *body;
            Obj2 *env;
        } closure;
        struct {
            BuiltinFn2 fn;
            const char *name;
            int min_args;
            int max_args; /* -1: any number */
        } builtin;
        struct {
            Obj2 *parent;   /* OBJ_NIL: the global environment */
            Obj2 *bindings; /* list of (symbol . value) */
        } env;
        struct {
            Obj2 *message;
            Obj2 *irritants;
        } error;
    } u;
};

/* The constants live in read-only memory and are never marked or swept. */
extern const Obj2 obj_nil_cell;
extern const Obj2 obj_unspec_cell;
extern const Obj2 obj_eof_cell;
extern const Obj2 obj_true_cell;
extern const Obj2 obj_false_cell;

#define OBJ_NIL ((Obj2 *)&obj_nil_cell)
#define OBJ_UNSPEC ((Obj2 *)&obj_unspec_cell)
#define OBJ_EOF ((Obj2 *)&obj_eof_cell)
#define OBJ_TRUE ((Obj2 *)&obj_true_cell)
#define OBJ_FALSE ((Obj2 *)&obj_false_cell)

/* Constructors. Each protects its own arguments while it allocates. */
Obj2 *obj2_int(int64_t value);
Obj2 *obj2_str(const char *data, size_t len);
Obj2 *obj2_cstr(const char *text);
Obj2 *obj2_cons(Obj2 *car, Obj2 *cdr);
Obj2 *obj2_list2(Obj2 *first, Obj2 *second);
Obj2 *obj2_vec(size_t len, Obj2 *fill);
Obj2 *obj2_closure(Obj2 *params, Obj2 *body, Obj2 *env, int flags);
Obj2 *obj2_builtin(const char *name, BuiltinFn2 fn, int min_args, int max_args);
Obj2 *obj2_error(Obj2 *message, Obj2 *irritants);
Obj2 *obj2_bool(int truth);

/* Checked accessors: a value of another type is a Lisp error. */
Obj2 *car2_(Obj2 *pair);
Obj2 *cdr2_(Obj2 *pair);
int64_t int2_value(Obj2 *value);

/* Pure helpers. */
int obj2_is(const Obj2 *value, ObjType2 type);
int obj2_truthy(const Obj2 *value);
int obj2_eq(const Obj2 *a, const Obj2 *b);
int obj2_equal(const Obj2 *a, const Obj2 *b);
const char *obj2_type_name(const Obj2 *value);

#endif
