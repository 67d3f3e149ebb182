/* loop2.h - the event loop: timers and readable descriptors. */
#ifndef MINILISP_LOOP2_H
#define MINILISP_LOOP2_H

#include <stddef.h>
#include <stdint.h>

#include "obj2.h"
#include "timer.h"

typedef struct Watch2 {
    struct Watch2 *next;
    int fd;
    Obj2 *fn;
} Watch2;

typedef struct Loop2 {
    TimerQueue2 timers;
    Watch2 *watches;
    size_t watch_count;
    int running;
    int stop;
} Loop2;

extern Loop2 g_loop;

void loop2_init(void);
void loop2_shutdown(void);

/* Call fn() after that many milliseconds, again and again if repeat; the timer's id. */
int loop2_after(int64_t ms, Obj2 *fn, int repeat);
/* 1 if there was such a timer. */
int loop2_cancel(int id);
/* Call fn(fd) whenever fd is readable; one watch a descriptor. */
void loop2_watch(int fd, Obj2 *fn);
/* 1 if there was such a watch. */
int loop2_unwatch(int fd);
/* Timers and watches. */
size_t loop2_pending(void);

/* Wait for events and call their callbacks until none can come; the number of callbacks called. */
int loop2_run(void);
/* One round that waits at most that long (-1: as long as it takes). */
int loop2_poll_(int64_t max_wait);
/* Let loop2_run return after the callback that is running. */
void loop2_stop(void);

#endif
