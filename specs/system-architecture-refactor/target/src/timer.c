/* timer.c - the timer queue. */
#include "timer.h"

#include <string.h>
#include <time.h>

#include "mem.h"

void timer2_init(TimerQueue2 *queue)
{
    queue->first = NULL;
    queue->count = 0;
    queue->next_id = 1;
}

void timer2_clear(TimerQueue2 *queue)
{
    while (queue->first != NULL) {
        Timer2 *next = queue->first->next;
        mem_free(queue->first);
        queue->first = next;
    }
    queue->count = 0;
}

static void timer_link(TimerQueue2 *queue, Timer2 *timer)
{
    Timer2 **link = &queue->first;
    while (*link != NULL && (*link)->due <= timer->due)
        link = &(*link)->next;
    timer->next = *link;
    *link = timer;
    queue->count++;
}

int timer2_add(TimerQueue2 *queue, int64_t due, int64_t interval, Obj2 *fn)
{
    Timer2 *timer = mem_alloc(sizeof *timer);
    timer->id = queue->next_id++;
    timer->due = due;
    timer->interval = interval;
    timer->fn = fn;
    timer_link(queue, timer);
    return timer->id;
}

int timer2_remove(TimerQueue2 *queue, int id)
{
    for (Timer2 **link = &queue->first; *link != NULL; link = &(*link)->next) {
        if ((*link)->id == id) {
            Timer2 *timer = *link;
            *link = timer->next;
            queue->count--;
            mem_free(timer);
            return 1;
        }
    }
    return 0;
}

Timer2 *timer2_pop_due(TimerQueue2 *queue, int64_t now)
{
    Timer2 *timer = queue->first;
    if (timer == NULL || timer->due > now)
        return NULL;
    queue->first = timer->next;
    queue->count--;
    return timer;
}

void timer2_rearm(TimerQueue2 *queue, Timer2 *timer, int64_t now)
{
    timer->due += timer->interval;
    if (timer->due <= now)
        timer->due = now + timer->interval;
    timer_link(queue, timer);
}

int64_t clock2_ms_(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void timer2_wheel_init(TimerWheel *wheel)
{
    memset(wheel, 0, sizeof *wheel);
}

int timer2_wheel_slot(const TimerWheel *wheel, int64_t due)
{
    return (int)((due - wheel->cursor) & 63);
}
