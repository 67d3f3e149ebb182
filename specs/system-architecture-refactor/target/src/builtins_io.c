/* builtins_io.c - timers, pipes and the event loop. */
#include "builtin.h"

#include <errno.h>
#include <unistd.h>

#include "error.h"
#include "heap2.h"
#include "loop2.h"
#include "timer.h"

static Obj2 *check_procedure(const char *who, Obj2 *fn)
{
    if (!obj2_is(fn, T_CLOSURE) && !obj2_is(fn, T_BUILTIN))
        err2_raise("%s: expected procedure, got %s", who, obj2_type_name(fn));
    return fn;
}

/* (after ms thunk) */
static Obj2 *bi_after(int argc, Obj2 **argv)
{
    (void)argc;
    return obj2_int(loop2_after(builtin_int("after", argv[0]), check_procedure("after", argv[1]), 0));
}

/* (every ms thunk) */
static Obj2 *bi_every(int argc, Obj2 **argv)
{
    (void)argc;
    return obj2_int(loop2_after(builtin_int("every", argv[0]), check_procedure("every", argv[1]), 1));
}

static Obj2 *bi_cancel(int argc, Obj2 **argv)
{
    (void)argc;
    return obj2_bool(loop2_cancel((int)builtin_int("cancel", argv[0])));
}

static Obj2 *bi_on_readable(int argc, Obj2 **argv)
{
    (void)argc;
    loop2_watch((int)builtin_int("on-readable", argv[0]), check_procedure("on-readable", argv[1]));
    return OBJ_UNSPEC;
}

static Obj2 *bi_unwatch(int argc, Obj2 **argv)
{
    (void)argc;
    return obj2_bool(loop2_unwatch((int)builtin_int("unwatch", argv[0])));
}

/* (run-loop): the number of callbacks called. */
static Obj2 *bi_run_loop(int argc, Obj2 **argv)
{
    (void)argc;
    (void)argv;
    return obj2_int(loop2_run());
}

static Obj2 *bi_stop_loop(int argc, Obj2 **argv)
{
    (void)argc;
    (void)argv;
    loop2_stop();
    return OBJ_UNSPEC;
}

static Obj2 *bi_pending(int argc, Obj2 **argv)
{
    (void)argc;
    (void)argv;
    return obj2_int((int64_t)loop2_pending());
}

static Obj2 *bi_now_ms(int argc, Obj2 **argv)
{
    (void)argc;
    (void)argv;
    return obj2_int(clock2_ms_());
}

/* (make-pipe): (read-end . write-end) */
static Obj2 *bi_make_pipe(int argc, Obj2 **argv)
{
    int fds[2];
    (void)argc;
    (void)argv;
    if (pipe(fds) != 0)
        err2_raise("make-pipe: errno %d", errno);
    Obj2 *slots[2] = {OBJ_NIL, OBJ_NIL};
    RootFrame2 frame;
    gc_enter2_(&frame, slots, 2);
    slots[0] = obj2_int(fds[0]);
    slots[1] = obj2_int(fds[1]);
    gc_leave2_(&frame);
    return obj2_cons(slots[0], slots[1]);
}

static Obj2 *bi_fd_write(int argc, Obj2 **argv)
{
    int fd = (int)builtin_int("fd-write", argv[0]);
    Obj2 *str = builtin_typed("fd-write", argv[1], T_STR);
    (void)argc;
    ssize_t n = write(fd, str->u.str.data, str->u.str.len);
    if (n < 0)
        err2_raise("fd-write: errno %d", errno);
    return obj2_int(n);
}

/* (fd-read fd): what there is, at most 4096 bytes; the eof object at the end. */
static Obj2 *bi_fd_read(int argc, Obj2 **argv)
{
    char data[4096];
    ssize_t n = read((int)builtin_int("fd-read", argv[0]), data, sizeof data);
    (void)argc;
    if (n < 0)
        err2_raise("fd-read: errno %d", errno);
    return n == 0 ? OBJ_EOF : obj2_str(data, (size_t)n);
}

static Obj2 *bi_fd_close(int argc, Obj2 **argv)
{
    int fd = (int)builtin_int("fd-close", argv[0]);
    (void)argc;
    loop2_unwatch(fd);
    return obj2_bool(close(fd) == 0);
}

void builtin_register_io(void)
{
    static const BuiltinSpec table[] = {
        {"after", bi_after, 2, 2},
        {"every", bi_every, 2, 2},
        {"cancel", bi_cancel, 1, 1},
        {"on-readable", bi_on_readable, 2, 2},
        {"unwatch", bi_unwatch, 1, 1},
        {"run-loop", bi_run_loop, 0, 0},
        {"stop-loop", bi_stop_loop, 0, 0},
        {"pending", bi_pending, 0, 0},
        {"now-ms", bi_now_ms, 0, 0},
        {"make-pipe", bi_make_pipe, 0, 0},
        {"fd-write", bi_fd_write, 2, 2},
        {"fd-read", bi_fd_read, 1, 1},
        {"fd-close", bi_fd_close, 1, 1},
    };
    builtin_define_table(table, sizeof table / sizeof table[0]);
}
