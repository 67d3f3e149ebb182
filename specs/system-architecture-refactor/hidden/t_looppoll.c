#include "tools.h"

#include <pthread.h>
#include <stdatomic.h>

#include "loop.h"
#include "world.h"

static Context *ctx;
static atomic_int done;
static int result_a, result_b;
static long long took;

/* Each waits until the loop waits, and then does its part while a timer of three seconds keeps the loop waiting. */
static void until_blocking(void)
{
    WorldStats stats;
    do {
        pause_ms(2);
        world_stats(ctx, &stats);
    } while (stats.blocking == 0 && !atomic_load(&done));
}

static void *collector(void *arg)
{
    (void)arg;
    world_attach(ctx);
    until_blocking();
    long long start = now_ms();
    for (int i = 0; i < 20; i++)
        heap_collect(ctx);
    took = now_ms() - start;
    result_a = took < 2000;
    result_b = 1;
    loop_stop(ctx);
    world_detach(ctx);
    return NULL;
}

static void *stopper(void *arg)
{
    (void)arg;
    world_attach(ctx);
    until_blocking();
    WorldStats stats;
    long long start = now_ms();
    world_stop(ctx);
    took = now_ms() - start;
    result_a = took < 2000;
    world_stats(ctx, &stats);
    result_b = stats.blocking == 1 && stats.parked == 0;
    loop_stop(ctx); /* the loop wakes up, but must not go on before the world does */
    pause_ms(150);
    int early = atomic_load(&done);
    world_resume(ctx);
    world_detach(ctx);
    return (void *)(long)early;
}

static void *poster(void *arg)
{
    world_attach(ctx);
    until_blocking();
    Obj *slots[2] = {OBJ_NIL, OBJ_NIL};
    RootFrame frame;
    heap_enter(ctx, &frame, slots, 2);
    slots[0] = env_lookup(ctx, OBJ_NIL, sym_intern(ctx, "note"));
    slots[1] = obj_int(ctx, probe_a);
    result_a = loop_post(ctx, slots[0], slots[1]) == 0;
    heap_leave(ctx, &frame);
    (void)arg;
    world_detach(ctx);
    return NULL;
}

static void join_outside(pthread_t thread, void **answer)
{
    world_blocking_begin(ctx);
    pthread_join(thread, answer);
    world_blocking_end(ctx);
}

int main(void)
{
    pthread_t thread;
    LoopStats stats;
    void *answer = NULL;
    probe_start(50);
    ctx = context_new();
    run(ctx, "(define got '()) (define (note x) (set! got (cons x got)) (stop-loop))");

    run(ctx, "(define t (after 3000 (lambda () (note 'late))))");
    pthread_create(&thread, NULL, collector, NULL);
    loop_run(ctx);
    atomic_store(&done, 1);
    join_outside(thread, NULL);
    say("collected", "%d %d", result_a, result_b);
    run(ctx, "(cancel t)");

    atomic_store(&done, 0);
    run(ctx, "(define t (after 3000 (lambda () (note 'late))))");
    pthread_create(&thread, NULL, stopper, NULL);
    loop_run(ctx);
    atomic_store(&done, 1);
    join_outside(thread, &answer);
    say("stopped", "%d %d", result_a, result_b);
    say("held", "%d %d", answer == NULL, strcmp(run(ctx, "got"), "()") == 0);
    run(ctx, "(cancel t)");

    atomic_store(&done, 0);
    run(ctx, "(define t (after 3000 (lambda () (note 'late))))");
    long long start = now_ms();
    pthread_create(&thread, NULL, poster, NULL);
    loop_run(ctx);
    took = now_ms() - start;
    atomic_store(&done, 1);
    join_outside(thread, NULL);
    say("woken", "%d %d", result_a && took < 2500, strcmp(run(ctx, "got"), with_ab("(%ld)", probe_a)) == 0);
    run(ctx, "(cancel t)");

    /* A wakeup alone ends one wait and calls nothing. */
    run(ctx, "(define t (after 3000 (lambda () (note 'late))))");
    start = now_ms();
    loop_wakeup(ctx);
    int calls = loop_run_once(ctx, -1);
    say("stop", "%d %d", now_ms() - start < 2000, calls);
    run(ctx, "(cancel t)");

    /* Only a worker is left: the loop waits for its end, and learns of it at once. */
    run(ctx, with_ab("(set! got '()) (define w (spawn (lambda () (sleep 100) (set! got (list %ld)))))", probe_a));
    start = now_ms();
    loop_run(ctx);
    took = now_ms() - start;
    say("worker-end", "%d %s", took >= 90 && took < 3000, run(ctx, "got"));
    run(ctx, "(join w)");
    loop_stats(ctx, &stats);
    say("waits", "%d", stats.rounds < 60 && stats.wakeups >= 3);
    context_free(ctx);
    return probe_end();
}
