#include "probe.h"

#ifdef WITH_CONTEXT
#include "context.h"
#define C ctx,
#define CX ctx
#define PARAM Context *ctx,
#define PARAM1 Context *ctx
#else
#define C
#define CX
#define PARAM
#define PARAM1 void
#endif

#include "env.h"
#include "error.h"
#include "eval.h"
#include "heap.h"
#include "loop.h"
#include "obj.h"
#include "printer.h"
#include "reader.h"
#include "script.h"
#include "strbuf.h"
#include "symbol.h"
#include "timer.h"

#if defined(heap_alloc) || defined(heap_collect) || defined(heap_enter) || defined(heap_leave) || \
    defined(obj_cons) || defined(obj_car) || defined(obj_int) || defined(sym_intern) || defined(env_new) || \
    defined(eval_expr) || defined(err_raise) || defined(err_protect) || defined(loop_run) || defined(sb_write) || \
    defined(reader_next) || defined(printer_format) || defined(timer_add) || defined(Obj) || defined(RootFrame)
#error the new names have to be real names, not macros
#endif

static const char *text_of(PARAM Obj *value)
{
    static char text[4][512];
    static int turn;
    char *t = text[turn++ % 4];
    StrBuf sb;
    sb_init(C &sb);
    printer_format(&sb, value, 1);
    snprintf(t, sizeof text[0], "%s", sb.data);
    sb_free(&sb);
    return t;
}

static Obj *raise_boom(PARAM void *arg)
{
    (void)arg;
    err_raise(C "boom %ld", probe_a);
}

static Obj *look_up(PARAM void *arg)
{
    return env_lookup(C OBJ_NIL, arg);
}

static Obj *car_of_int(PARAM void *arg)
{
    (void)arg;
    return obj_car(C obj_int(C 3));
}

static void ev(PARAM const char *text)
{
    eval_text(C text, strlen(text));
}

static Obj *everything(PARAM void *arg)
{
    Obj *s[6] = {OBJ_NIL, OBJ_NIL, OBJ_NIL, OBJ_NIL, OBJ_NIL, OBJ_NIL};
    RootFrame frame;
    HeapStats before, after;
    Obj *out = NULL;
    (void)arg;
    heap_enter(C &frame, s, 6);
    s[0] = sym_intern(C "probe-name");
    say("intern", "%d %d %d", s[0] == sym_intern_len(C "probe-names", 10), s[0]->type == T_SYM,
        s[0] == sym_gensym(CX));
    const char *sum = with_ab("(- (+ %ld %ld) %ld)", probe_a, probe_b, probe_b);
    say("text", "%ld", (long)obj_int_value(C eval_text(C sum, strlen(sum))));
    s[1] = obj_int(C probe_a);
    s[2] = obj_cstr(C with_ab("s%ld", probe_b));
    s[3] = obj_cons(C s[1], s[2]);
    say("cons", "%s", text_of(C s[3]));
    s[4] = obj_int(C probe_b);
    s[4] = obj_list2(C s[1], s[4]);
    heap_collect(CX);
    heap_stats(C &before);
    for (int i = 0; i < 100; i++)
        obj_cons(C OBJ_NIL, OBJ_NIL);
    heap_stats(C &after);
    size_t grown = after.live - before.live;
    size_t freed = heap_collect(CX);
    say("kept", "%s", text_of(C s[4]));
    say("freed", "%d", freed >= 100 && grown == 100);
    heap_stats(C &after);
    say("live", "%d", after.live <= before.live);
    say("stats", "%d %d", after.collections == before.collections + 1, after.allocated - after.freed == after.live);

    s[1] = env_new(C OBJ_NIL);
    s[2] = env_new(C s[1]);
    s[3] = obj_int(C probe_a);
    env_define(C s[1], s[0], s[3]);
    long first = (long)obj_int_value(C env_lookup(C s[2], s[0]));
    s[3] = obj_int(C probe_b);
    env_set(C s[2], s[0], s[3]);
    long second = (long)obj_int_value(C env_lookup(C s[1], s[0]));
    s[3] = obj_int(C 77);
    env_define(C s[2], s[0], s[3]);
    say("env", "%ld %ld %ld", first, second, (long)obj_int_value(C env_lookup(C s[2], s[0])));
    Obj *args[2] = {OBJ_NIL, OBJ_NIL};
    RootFrame inner;
    heap_enter(C &inner, args, 2);
    args[0] = obj_int(C probe_a);
    args[1] = obj_int(C probe_b);
    s[3] = env_bind(C OBJ_NIL, s[0], 2, args);
    heap_leave(C &inner);
    say("bind", "%s", text_of(C env_lookup(C s[3], s[0])));

    ErrStatus status = err_protect(C look_up, sym_intern(C "nowhere"), &out);
    s[5] = out;
    say("unbound", "%d %s", status, s[5]->u.error.message->u.str.data);
    status = err_protect(C raise_boom, NULL, &out);
    s[5] = out;
    say("raised", "%d %s", status, s[5]->u.error.message->u.str.data);
    status = err_protect(C car_of_int, NULL, &out);
    s[5] = out;
    say("wrong", "%d %s", status, s[5]->u.error.message->u.str.data);

    s[1] = obj_int(C 5);
    s[2] = obj_int(C 5);
    s[3] = obj_vec(C 3, s[1]);
    s[4] = obj_vec(C 3, s[2]);
    say("equal", "%d %d %d", obj_equal(s[3], s[4]), obj_eq(s[3], s[4]), obj_eq(s[1], s[2]));

    StrBuf sb;
    sb_init(C &sb);
    sb_putc(&sb, '<');
    sb_put_int(&sb, probe_a);
    sb_puts(&sb, "|");
    sb_write(&sb, "xyz", 1);
    sb_putc(&sb, '>');
    say("sb", "%s", sb.data);
    sb_free(&sb);

    Reader rd;
    const char *source = with_ab("(a \"b\" #(1 %ld) 'c) ; comment\n 2", probe_b);
    reader_init(&rd, source, strlen(source));
    s[1] = reader_next(C &rd);
    s[2] = reader_next(C &rd);
    say("read", "%s %s %d", text_of(C s[1]), text_of(C s[2]), reader_next(C &rd) == NULL);
    say("complete", "%d %d", reader_complete("(a (b))", 7), reader_complete("(a (b)", 6));

    TimerQueue queue;
    timer_init(&queue);
    int t1 = timer_add(C &queue, 100, 0, OBJ_NIL);
    int t2 = timer_add(C &queue, 50, 10, OBJ_NIL);
    int t3 = timer_add(C &queue, 70, 0, OBJ_NIL);
    int removed = timer_remove(C &queue, t3), again = timer_remove(C &queue, t3);
    say("timers", "%d %d %d %d %d", t1, t2, t3, removed, again);
    Timer *due = timer_pop_due(&queue, 60);
    say("popped", "%d %d", due->id, timer_pop_due(&queue, 60) == NULL);
    timer_rearm(&queue, due, 60);
    due = timer_pop_due(&queue, 70);
    say("rearmed", "%d", due != NULL && due->id == t2 && queue.count == 1);
    timer_rearm(&queue, due, 70);
    timer_clear(C &queue);

    ev(C "(define fired '())"
         "(define one (lambda () (set! fired (cons 'one fired))))"
         "(define two (lambda () (set! fired (cons 'two fired))))");
    loop_after(C 20, env_lookup(C OBJ_NIL, sym_intern(C "two")), 0);
    loop_after(C 1, env_lookup(C OBJ_NIL, sym_intern(C "one")), 0);
    int never = loop_after(C 5, env_lookup(C OBJ_NIL, sym_intern(C "one")), 0);
    loop_cancel(C never);
    int calls = loop_run(CX);
    say("loop", "%d %d", calls, loop_pending(CX) == 0);
    say("fired", "%s", text_of(C env_lookup(C OBJ_NIL, sym_intern(C "fired"))));

    ev(C "(define (id x) x)");
    s[1] = obj_int(C probe_a);
    say("applied", "%ld", (long)obj_int_value(C eval_apply(C env_lookup(C OBJ_NIL, sym_intern(C "id")), 1, &s[1])));
    s[1] = obj_cons(C OBJ_NIL, OBJ_NIL);
    say("type", "%s %s", obj_type_name(s[1]), obj_type_name(s[3]));
    s[1] = obj_int(C probe_a);
    s[2] = obj_int(C probe_b);
    say("list2", "%s", text_of(C obj_list2(C s[1], s[2])));
    heap_leave(C &frame);
    return OBJ_NIL;
}

int main(void)
{
    Obj *out = NULL;
    probe_start(50);
#ifdef WITH_CONTEXT
    Context *ctx = context_new();
#else
    script_setup();
#endif
    if (err_protect(C everything, NULL, &out) != ERR_OK)
        say("escaped", "an error");
#ifdef WITH_CONTEXT
    context_free(ctx);
#else
    script_teardown();
#endif
    return probe_end();
}
