/* timer.h - a queue of timers ordered by due time, then by age. */
#ifndef MINILISP_TIMER_H
#define MINILISP_TIMER_H

#include <stddef.h>
#include <stdint.h>

#include "obj2.h"

typedef struct Timer2 {
    struct Timer2 *next;
    int id;
    int64_t due;      /* milliseconds on the monotonic clock */
    int64_t interval; /* 0: once */
    Obj2 *fn;
} Timer2;

typedef struct TimerQueue2 {
    Timer2 *first;
    size_t count;
    int next_id;
} TimerQueue2;

void timer2_init(TimerQueue2 *queue);
void timer2_clear(TimerQueue2 *queue);
/* The id of the new timer, always positive. */
int timer2_add(TimerQueue2 *queue, int64_t due, int64_t interval, Obj2 *fn);
/* 1 if there was such a timer. */
int timer2_remove(TimerQueue2 *queue, int id);
/* Unlink the first timer if it is due at that time, else NULL; the caller owns it. */
Timer2 *timer2_pop_due(TimerQueue2 *queue, int64_t now);
/* Put back a popped timer for its next round. */
void timer2_rearm(TimerQueue2 *queue, Timer2 *timer, int64_t now);
int64_t clock2_ms_(void);

/* The hashed wheel that the queue replaced. */
typedef struct TimerWheel {
    Timer2 *slots[64];
    int64_t cursor;
} TimerWheel;
void timer2_wheel_init(TimerWheel *wheel);
int timer2_wheel_slot(const TimerWheel *wheel, int64_t due);

#endif
