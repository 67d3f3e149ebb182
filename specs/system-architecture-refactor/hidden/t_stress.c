#include "tools.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "log.h"
#include "mem.h"
#include "world.h"

#define THREADS 4
#define FRESH 200

static Context *ctx;
static pthread_barrier_t barrier;
static Obj *fresh[THREADS][FRESH];
static Obj *generated[THREADS][FRESH];
static Obj *shared_env, *shared_name, *global_name;
static int wrong[THREADS];

static atomic_int turn;

/* All go on at the same time, and nothing that comes after is ordered by this but what came before it. */
static void meet(void)
{
    static atomic_int rounds[16];
    int mine = atomic_load_explicit(&turn, memory_order_relaxed);
    world_blocking_begin(ctx);
    pthread_barrier_wait(&barrier);
    world_blocking_end(ctx);
    if (atomic_fetch_add_explicit(&rounds[mine], 1, memory_order_relaxed) == THREADS - 1)
        atomic_store_explicit(&turn, mine + 1, memory_order_relaxed);
    while (atomic_load_explicit(&turn, memory_order_relaxed) == mine)
        sched_yield();
}

/* No step of this allocates but where it has to: nothing but the code's own care orders the threads. */
static void *work(void *arg)
{
    int id = *(int *)arg, bad = 0;
    world_attach(ctx);
    meet();
    /* Names that are there, looked up while others come. */
    for (int i = 0; i < FRESH; i++) {
        fresh[id][i] = sym_intern(ctx, with_ab("fresh-%d", id % 2 ? i : FRESH - 1 - i));
        for (int k = 0; k < 10; k++)
            bad |= sym_intern(ctx, "global")->type != T_SYM || sym_intern(ctx, "car") == global_name;
    }
    meet();
    for (int i = 0; i < 30000; i++) {
        if (id == 0) {
            env_define(ctx, OBJ_NIL, global_name, i % 2 ? OBJ_TRUE : OBJ_FALSE);
            env_set(ctx, shared_env, shared_name, i % 2 ? OBJ_TRUE : OBJ_FALSE);
        } else if (id == 1) {
            env_set(ctx, OBJ_NIL, global_name, i % 2 ? OBJ_FALSE : OBJ_TRUE);
        } else {
            bad |= !obj_is(env_lookup(ctx, OBJ_NIL, global_name), T_BOOL);
            bad |= !obj_is(env_lookup(ctx, shared_env, shared_name), T_BOOL);
        }
        if (i % 1024 == 0)
            world_safepoint(ctx);
    }
    meet();
    for (int i = 0; i < FRESH; i++)
        generated[id][i] = sym_gensym(ctx);
    meet();
    for (int i = 0; i < 200; i++) {
        HeapStats stats;
        heap_stats(ctx, &stats);
        bad |= stats.allocated - stats.freed != stats.live || mem_blocks(ctx) == 0;
        log_set_level(ctx, i % 2 ? LOG_OFF : LOG_WARN);
        bad |= log_get_level(ctx) > LOG_WARN;
        if (id == 0)
            obj_cons(ctx, OBJ_NIL, OBJ_NIL);
    }
    /* Objects made by one thread, published by a binding, read by the others at once. */
    meet();
    for (int i = 0; i < 3000; i++) {
        if (id == 0) {
            env_define(ctx, OBJ_NIL, global_name, obj_cstr(ctx, "published"));
        } else {
            Obj *seen = env_lookup(ctx, OBJ_NIL, global_name);
            bad |= seen->type == T_STR && strcmp(seen->u.str.data, "published") != 0;
        }
    }
    meet();
    wrong[id] = bad;
    world_detach(ctx);
    return NULL;
}

int main(void)
{
    pthread_t threads[THREADS];
    int ids[THREADS], same = 1, distinct = 1;
    Obj *slots[3] = {OBJ_NIL, OBJ_NIL, OBJ_NIL};
    RootFrame frame;
    probe_start(50);
    ctx = context_new();
    heap_enter(ctx, &frame, slots, 3);
    shared_env = slots[0] = env_new(ctx, OBJ_NIL);
    shared_name = slots[1] = sym_intern(ctx, "shared");
    global_name = slots[2] = sym_intern(ctx, "global");
    env_define(ctx, shared_env, shared_name, OBJ_TRUE);
    env_define(ctx, OBJ_NIL, global_name, OBJ_TRUE);
    pthread_barrier_init(&barrier, NULL, THREADS);
    for (int i = 0; i < THREADS; i++) {
        ids[i] = i;
        pthread_create(&threads[i], NULL, work, &ids[i]);
    }
    world_blocking_begin(ctx);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    world_blocking_end(ctx);
    for (int t = 1; t < THREADS; t++)
        for (int i = 0; i < FRESH; i++)
            same &= fresh[t][i] == fresh[0][t % 2 ? FRESH - 1 - i : i];
    for (int a = 0; a < THREADS * FRESH; a++)
        for (int b = 0; b < a; b++)
            distinct &= generated[a / FRESH][a % FRESH] != generated[b / FRESH][b % FRESH];
    say("same", "%d", same);
    say("distinct", "%d", distinct);
    say("wrong", "%d", wrong[0] | wrong[1] | wrong[2] | wrong[3]);
    say("value", "%s", run(ctx, with_ab("(+ 1 %ld)", probe_a - 1)));
    heap_leave(ctx, &frame);
    context_free(ctx);
    return probe_end();
}
