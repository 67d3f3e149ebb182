/* loop2.c - poll and dispatch. */
#include "loop2.h"

#include <errno.h>
#include <poll.h>

#include "error.h"
#include "eval2.h"
#include "heap2.h"
#include "log.h"
#include "mem.h"

#define LOOP_MAX_WATCHES 64

Loop2 g_loop;

void loop2_init(void)
{
    timer2_init(&g_loop.timers);
    g_loop.watches = NULL;
    g_loop.watch_count = 0;
    g_loop.running = 0;
    g_loop.stop = 0;
}

void loop2_shutdown(void)
{
    timer2_clear(&g_loop.timers);
    while (g_loop.watches != NULL) {
        Watch2 *next = g_loop.watches->next;
        mem_free(g_loop.watches);
        g_loop.watches = next;
    }
    g_loop.watch_count = 0;
}

int loop2_after(int64_t ms, Obj2 *fn, int repeat)
{
    if (ms < 0)
        ms = 0;
    if (repeat && ms == 0)
        ms = 1;
    heap2_pin(fn); /* FIXME: nothing ever unpins the callbacks */
    return timer2_add(&g_loop.timers, clock2_ms_() + ms, repeat ? ms : 0, fn);
}

int loop2_cancel(int id)
{
    return timer2_remove(&g_loop.timers, id);
}

static Watch2 *find_watch(int fd)
{
    for (Watch2 *w = g_loop.watches; w != NULL; w = w->next)
        if (w->fd == fd)
            return w;
    return NULL;
}

void loop2_watch(int fd, Obj2 *fn)
{
    Watch2 *w = find_watch(fd);
    heap2_pin(fn); /* FIXME: see loop2_after */
    if (w != NULL) {
        w->fn = fn;
        return;
    }
    if (g_loop.watch_count == LOOP_MAX_WATCHES)
        err2_raise("too many watches");
    w = mem_alloc(sizeof *w);
    w->fd = fd;
    w->fn = fn;
    w->next = g_loop.watches;
    g_loop.watches = w;
    g_loop.watch_count++;
}

int loop2_unwatch(int fd)
{
    for (Watch2 **link = &g_loop.watches; *link != NULL; link = &(*link)->next) {
        if ((*link)->fd == fd) {
            Watch2 *w = *link;
            *link = w->next;
            g_loop.watch_count--;
            mem_free(w);
            return 1;
        }
    }
    return 0;
}

size_t loop2_pending(void)
{
    return g_loop.timers.count + g_loop.watch_count;
}

static void call_watch(int fd, Obj2 *fn)
{
    Obj2 *slots[2] = {fn, OBJ_NIL};
    RootFrame2 frame;
    gc_enter2_(&frame, slots, 2);
    slots[1] = obj2_int(fd);
    eval2_apply(fn, 1, &slots[1]);
    gc_leave2_(&frame);
}

static void call_timer(Obj2 *fn)
{
    Obj2 *slots[1] = {fn};
    RootFrame2 frame;
    gc_enter2_(&frame, slots, 1);
    eval2_apply(fn, 0, NULL);
    gc_leave2_(&frame);
}

static int run_timers(void)
{
    int calls = 0;
    int64_t now = clock2_ms_();
    Timer2 *timer;
    while (!g_loop.stop && (timer = timer2_pop_due(&g_loop.timers, now)) != NULL) {
        Obj2 *fn = timer->fn;
        if (timer->interval > 0)
            timer2_rearm(&g_loop.timers, timer, now);
        else
            mem_free(timer);
        call_timer(fn);
        calls++;
    }
    return calls;
}

static int64_t wait_time(int64_t max_wait)
{
    if (g_loop.timers.first == NULL)
        return max_wait;
    int64_t left = g_loop.timers.first->due - clock2_ms_();
    if (left < 0)
        left = 0;
    return max_wait >= 0 && max_wait < left ? max_wait : left;
}

int loop2_poll_(int64_t max_wait)
{
    struct pollfd fds[LOOP_MAX_WATCHES];
    nfds_t n = 0;
    int calls = 0;
    for (Watch2 *w = g_loop.watches; w != NULL; w = w->next)
        fds[n++] = (struct pollfd){.fd = w->fd, .events = POLLIN};
    int64_t wait = wait_time(max_wait);
    int ready = poll(fds, n, wait > 3600000 ? 3600000 : (int)wait);
    if (ready < 0 && errno != EINTR)
        err2_raise("poll failed: errno %d", errno);
    for (nfds_t i = 0; ready > 0 && i < n && !g_loop.stop; i++) {
        if (fds[i].revents == 0)
            continue;
        Watch2 *w = find_watch(fds[i].fd); /* a callback may have removed it */
        if (w == NULL)
            continue;
        if (fds[i].revents & POLLNVAL) {
            log_write(LOG_WARN, "descriptor %d is not open", fds[i].fd);
            loop2_unwatch(fds[i].fd);
            continue;
        }
        call_watch(w->fd, w->fn);
        calls++;
    }
    return calls + run_timers();
}

int loop2_run(void)
{
    int calls = 0;
    if (g_loop.running)
        err2_raise("run-loop: already running");
    g_loop.running = 1;
    g_loop.stop = 0;
    while (!g_loop.stop && loop2_pending() > 0)
        calls += loop2_poll_(-1);
    g_loop.running = 0;
    return calls;
}

void loop2_stop(void)
{
    g_loop.stop = 1;
}
