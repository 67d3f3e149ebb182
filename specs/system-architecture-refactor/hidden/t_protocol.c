#include "tools.h"

#include <pthread.h>
#include <stdatomic.h>

#include "world.h"

#define MUTATORS 4

static Context *ctx;
static atomic_int quit, ready, blocked, unblocked, late_attached;
static atomic_long moves[MUTATORS];
static long guarded; /* only touched with the world stopped */

static void *mutator(void *arg)
{
    int id = *(int *)arg;
    int result = world_attach(ctx);
    atomic_fetch_add(&ready, result == 0);
    while (!atomic_load(&quit)) {
        atomic_fetch_add(&moves[id], 1);
        if (id % 2 == 0)
            world_safepoint(ctx);
        else
            obj_cons(ctx, OBJ_NIL, OBJ_NIL); /* an allocation is a safepoint, too */
    }
    world_detach(ctx);
    return NULL;
}

static long total(void)
{
    long sum = 0;
    for (int i = 0; i < MUTATORS; i++)
        sum += atomic_load(&moves[i]);
    return sum;
}

/* 1 if nothing moves. */
static int still(void)
{
    long before = total();
    pause_ms(30);
    return total() == before;
}

static int wait_for(atomic_int *flag, int value)
{
    for (int i = 0; i < 4000; i++) {
        if (atomic_load(flag) == value)
            return 1;
        world_safepoint(ctx); /* the owner takes part: a collection of another thread waits for it */
        pause_ms(1);
    }
    return 0;
}

/* 1 if every one of them moves again. */
static int all_move(void)
{
    long before[MUTATORS];
    for (int i = 0; i < MUTATORS; i++)
        before[i] = atomic_load(&moves[i]);
    for (int t = 0; t < 4000; t++) {
        int moved = 0;
        for (int i = 0; i < MUTATORS; i++)
            moved += atomic_load(&moves[i]) > before[i];
        if (moved == MUTATORS)
            return 1;
        world_safepoint(ctx);
        pause_ms(1);
    }
    return 0;
}

static void *lisp_loop(void *arg)
{
    (void)arg;
    world_attach(ctx);
    atomic_fetch_add(&ready, 1);
    const char *answer = run(ctx, "(begin (while (not done) 1) 'done)");
    char *copy = strdup(answer);
    world_detach(ctx);
    return copy;
}

static void *blocker(void *arg)
{
    (void)arg;
    world_attach(ctx);
    world_blocking_begin(ctx);
    atomic_store(&blocked, 1);
    pause_ms(1500);
    world_blocking_end(ctx);
    atomic_store(&unblocked, 1);
    world_detach(ctx);
    return NULL;
}

static void *latecomer(void *arg)
{
    (void)arg;
    atomic_store(&ready, 100);
    int result = world_attach(ctx);
    atomic_store(&late_attached, 1);
    world_detach(ctx);
    return (void *)(long)result;
}

static void join_outside(pthread_t thread, void **answer)
{
    world_blocking_begin(ctx);
    pthread_join(thread, answer);
    world_blocking_end(ctx);
}

static void *competitor(void *arg)
{
    (void)arg;
    world_attach(ctx);
    for (int i = 0; i < 200; i++) {
        world_stop(ctx);
        guarded++;
        world_resume(ctx);
    }
    world_detach(ctx);
    return NULL;
}

int main(void)
{
    pthread_t threads[MUTATORS], extra;
    int ids[MUTATORS];
    WorldStats stats;
    void *answer;
    probe_start(50);
    ctx = context_new();
    world_stats(ctx, &stats);
    int attach = world_attach(ctx), detach = world_detach(ctx);
    say("owner", "%zu %d %d %zu", stats.threads, attach, detach, stats.blocking);
    for (int i = 0; i < MUTATORS; i++) {
        ids[i] = i;
        pthread_create(&threads[i], NULL, mutator, &ids[i]);
    }
    wait_for(&ready, MUTATORS);
    world_stats(ctx, &stats);
    say("attached", "%zu %zu", stats.threads, stats.blocking);
    say("moving", "%d", all_move());

    world_stats(ctx, &stats);
    size_t stops = stats.stops;
    world_stop(ctx);
    world_stats(ctx, &stats);
    /* Collections of the others may have come in between, but none can come now. */
    say("stopped", "%d %zu %zu %d", still(), stats.parked, stats.blocking, stats.stops > stops);
    stops = stats.stops;
    world_stop(ctx);
    obj_cons(ctx, OBJ_NIL, OBJ_NIL); /* the stopper may use the heap, and collect */
    heap_collect(ctx);
    world_resume(ctx);
    world_stats(ctx, &stats);
    say("nested", "%d %d", still(), stats.stops == stops);
    world_resume(ctx);
    say("resumed", "%d", all_move());

    atomic_store(&ready, 0);
    run(ctx, "(define done #f)");
    pthread_create(&extra, NULL, lisp_loop, NULL);
    wait_for(&ready, 1);
    pause_ms(20);
    long long start = now_ms();
    world_stop(ctx);
    int quick = now_ms() - start < 3000;
    world_stats(ctx, &stats);
    world_resume(ctx);
    run(ctx, "(set! done #t)");
    join_outside(extra, &answer);
    say("lisp", "%d %zu %s", quick, stats.parked, (char *)answer);
    free(answer);

    pthread_create(&extra, NULL, blocker, NULL);
    wait_for(&blocked, 1);
    start = now_ms();
    world_stop(ctx);
    long long took = now_ms() - start;
    world_stats(ctx, &stats);
    say("blocking", "%d %zu", took < 1200, stats.blocking);
    pause_ms(1700);
    say("held", "%d %d", still(), atomic_load(&unblocked));
    world_resume(ctx);
    say("freed", "%d", wait_for(&unblocked, 1));
    join_outside(extra, NULL);

    world_stop(ctx);
    pthread_create(&extra, NULL, latecomer, NULL);
    wait_for(&ready, 100);
    pause_ms(50);
    int early = atomic_load(&late_attached);
    world_resume(ctx);
    join_outside(extra, &answer);
    say("attach", "%d %d", early == 0, (int)(long)answer);
    say("late", "%d", atomic_load(&late_attached));

    pthread_t four[4];
    for (int i = 0; i < 4; i++)
        pthread_create(&four[i], NULL, competitor, NULL);
    world_blocking_begin(ctx);
    for (int i = 0; i < 4; i++)
        pthread_join(four[i], NULL);
    world_blocking_end(ctx);
    world_stop(ctx);
    long counted = guarded;
    world_resume(ctx);
    world_stats(ctx, &stats);
    say("competing", "%ld %d", counted, stats.stops >= stops + 800);
    say("unstopped", "%d", all_move());

    atomic_store(&quit, 1);
    world_blocking_begin(ctx);
    for (int i = 0; i < MUTATORS; i++)
        pthread_join(threads[i], NULL);
    world_blocking_end(ctx);
    world_stats(ctx, &stats);
    say("left", "%zu %zu", stats.threads, stats.parked);
    context_free(ctx);
    return probe_end();
}
