#include "probe.h"

#include "builtin.h"
#include "context.h"
#include "env.h"
#include "error.h"
#include "eval.h"
#include "heap.h"
#include "log.h"
#include "loop.h"
#include "mem.h"
#include "obj.h"
#include "printer.h"
#include "reader.h"
#include "script.h"
#include "strbuf.h"
#include "symbol.h"
#include "timer.h"

typedef Obj *(*builtin_type)(Context *, int, Obj **);
typedef Obj *(*body_type)(Context *, void *);

static Obj *twice(Context *ctx, int argc, Obj **argv)
{
    (void)argc;
    return obj_int(ctx, 2 * obj_int_value(ctx, argv[0]));
}

int main(void)
{
    probe_start(50);
    Context *(*make)(void) = context_new;
    void (*end)(Context *) = context_free;

    Obj *(*h1)(Context *, ObjType) = heap_alloc;
    size_t (*h2)(Context *) = heap_collect;
    void (*h3)(Context *, RootFrame *, Obj **, size_t) = heap_enter;
    void (*h4)(Context *, RootFrame *) = heap_leave;
    void (*h5)(Context *, HeapStats *) = heap_stats;
    void (*h6)(Context *, size_t) = heap_set_threshold;
    void (*h7)(Context *, int) = heap_set_stress;
    say("heap", "%d", h1 && h2 && h3 && h4 && h5 && h6 && h7);

    Obj *(*o1)(Context *, int64_t) = obj_int;
    Obj *(*o2)(Context *, const char *, size_t) = obj_str;
    Obj *(*o3)(Context *, Obj *, Obj *) = obj_cons;
    Obj *(*o4)(Context *, Obj *, Obj *) = obj_list2;
    Obj *(*o5)(Context *, size_t, Obj *) = obj_vec;
    Obj *(*o6)(Context *, const char *, BuiltinFn, int, int) = obj_builtin;
    Obj *(*o7)(Context *, Obj *) = obj_car;
    int64_t (*o8)(Context *, Obj *) = obj_int_value;
    Obj *(*o9)(int) = obj_bool;
    int (*o10)(const Obj *, const Obj *) = obj_equal;
    say("objects", "%d", o1 && o2 && o3 && o4 && o5 && o6 && o7 && o8 && o9 && o10);

    Obj *(*s1)(Context *, const char *) = sym_intern;
    Obj *(*s2)(Context *, const char *, size_t) = sym_intern_len;
    Obj *(*s3)(Context *) = sym_gensym;
    size_t (*s4)(Context *) = sym_count;
    say("symbols", "%d", s1 && s2 && s3 && s4);

    Obj *(*e1)(Context *, Obj *) = env_new;
    void (*e2)(Context *, Obj *, Obj *, Obj *) = env_define;
    void (*e3)(Context *, Obj *, Obj *, Obj *) = env_set;
    Obj *(*e4)(Context *, Obj *, Obj *) = env_lookup;
    Obj *(*e5)(Context *, Obj *, Obj *, int, Obj **) = env_bind;
    say("environments", "%d", e1 && e2 && e3 && e4 && e5);

    Obj *(*v1)(Context *, Obj *, Obj *) = eval_expr;
    Obj *(*v2)(Context *, Obj *, int, Obj **) = eval_apply;
    Obj *(*v3)(Context *, const char *, size_t) = eval_text;
    BuiltinFn v4 = (builtin_type)twice;
    void (*v5)(Context *, const char *, BuiltinFn, int, int) = builtin_define;
    say("evaluation", "%d", v1 && v2 && v3 && v4 && v5);

    ErrStatus (*r1)(Context *, body_type, void *, Obj **) = err_protect;
    void (*r2)(Context *, const char *, ...) = err_raise;
    void (*r3)(Context *, Obj *) = err_raise_obj;
    int (*r4)(Context *) = err_exit_code;
    say("errors", "%d", r1 && r2 && r3 && r4);

    void (*t1)(Context *, StrBuf *) = sb_init;
    void (*t2)(StrBuf *, const char *) = sb_puts;
    Obj *(*t3)(Context *, Reader *) = reader_next;
    void (*t4)(StrBuf *, const Obj *, int) = printer_format;
    void (*t5)(Context *, FILE *) = printer_set_stream;
    void (*t6)(Context *, const char *, size_t) = printer_write;
    void (*t7)(Context *, const Obj *, int) = printer_print;
    void (*t8)(Context *, LogLevel) = log_set_level;
    LogLevel (*t9)(Context *) = log_get_level;
    say("text", "%d", t1 && t2 && t3 && t4 && t5 && t6 && t7 && t8 && t9);

    int (*l1)(Context *, int64_t, Obj *, int) = loop_after;
    int (*l2)(Context *, int) = loop_cancel;
    void (*l3)(Context *, int, Obj *) = loop_watch;
    int (*l4)(Context *, int) = loop_unwatch;
    size_t (*l5)(Context *) = loop_pending;
    int (*l6)(Context *) = loop_run;
    int (*l7)(Context *, int64_t) = loop_run_once;
    void (*l8)(Context *) = loop_stop;
    int (*l9)(Context *, TimerQueue *, int64_t, int64_t, Obj *) = timer_add;
    say("loop", "%d", l1 && l2 && l3 && l4 && l5 && l6 && l7 && l8 && l9);

    void *(*m1)(Context *, size_t) = mem_alloc;
    void *(*m2)(Context *, void *, size_t) = mem_resize;
    void (*m3)(Context *, void *) = mem_free;
    size_t (*m4)(Context *) = mem_blocks;
    say("memory", "%d", m1 && m2 && m3 && m4);

    int (*x1)(Context *, const char *, size_t, int) = script_run_text;
    int (*x2)(Context *, const char *) = script_run_file;
    Obj *(*x3)(Context *, const char *) = script_load;
    int (*x4)(Context *, FILE *, int) = script_repl;
    say("script", "%d", x1 && x2 && x3 && x4);

    Context *ctx = make();
    v5(ctx, "twice", v4, 1, 1);
    const char *text = with_ab("(quotient (twice %ld) 2)", probe_a);
    say("used", "%ld", (long)obj_int_value(ctx, eval_text(ctx, text, strlen(text))));
    end(ctx);
    return probe_end();
}
