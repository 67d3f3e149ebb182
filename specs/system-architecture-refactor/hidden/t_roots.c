#include "tools.h"

#include <pthread.h>
#include <stdatomic.h>

#include "world.h"

#define MUTATORS 4
#define NAMES 150

static Context *ctx;
static atomic_int running;
static Obj *names[MUTATORS][NAMES];
static char answers[MUTATORS][256];

/* Builds and checks lists that only its root frames keep alive, interns what the others intern, defines globals. */
static void *mutator(void *arg)
{
    int id = *(int *)arg;
    int kept = 1, symbols = 0;
    world_attach(ctx);
    Obj *s[3] = {OBJ_NIL, OBJ_NIL, OBJ_NIL};
    RootFrame frame;
    heap_enter(ctx, &frame, s, 3);
    for (int round = 0; round < 12; round++) {
        s[0] = OBJ_NIL;
        for (int i = 0; i < 100; i++) {
            s[1] = obj_int(ctx, probe_a + id * 1000 + i);
            s[2] = obj_cstr(ctx, "text");
            s[1] = obj_cons(ctx, s[1], s[2]);
            s[0] = obj_cons(ctx, s[1], s[0]);
        }
        int i = 99;
        for (Obj *p = s[0]; p->type == T_PAIR; p = p->u.pair.cdr, i--)
            kept &= p->u.pair.car->u.pair.car->u.i == probe_a + id * 1000 + i &&
                    strcmp(p->u.pair.car->u.pair.cdr->u.str.data, "text") == 0;
        kept &= i == -1;
    }
    for (int i = 0; i < NAMES; i++) {
        names[id][i] = sym_intern(ctx, with_ab("shared-%d", i));
        symbols += names[id][i]->type == T_SYM;
    }
    heap_leave(ctx, &frame);
    run(ctx, with_ab("(define mine-%d (map (lambda (i) (* i %d)) (iota 40)))", id, id));
    run(ctx, "(define everyone (list 1 2 3))");
    const char *lisp = run(ctx, with_ab("(begin (define (fib n) (if (< n 2) n (+ (fib (- n 1)) (fib (- n 2)))))"
                                        " (list (fib 12) (fold + 0 mine-%d) (length everyone)))", id));
    snprintf(answers[id], sizeof answers[id], "%d %d %s", kept, symbols, lisp);
    world_detach(ctx);
    atomic_fetch_sub(&running, 1);
    return NULL;
}

int main(void)
{
    pthread_t threads[MUTATORS];
    int ids[MUTATORS];
    HeapStats before, after;
    probe_start(50);
    ctx = context_new();
    heap_set_threshold(ctx, 150);
    heap_collect(ctx);
    heap_stats(ctx, &before);
    Obj *mine[1];
    RootFrame frame;
    mine[0] = obj_cstr(ctx, with_ab("owner-%ld", probe_b));
    heap_enter(ctx, &frame, mine, 1);
    atomic_store(&running, MUTATORS);
    for (int i = 0; i < MUTATORS; i++) {
        ids[i] = i;
        pthread_create(&threads[i], NULL, mutator, &ids[i]);
    }
    while (atomic_load(&running) > 0)
        heap_collect(ctx);
    world_blocking_begin(ctx);
    for (int i = 0; i < MUTATORS; i++)
        pthread_join(threads[i], NULL);
    world_blocking_end(ctx);
    for (int i = 0; i < MUTATORS; i++)
        say(with_ab("thread-%d", i), "%s", answers[i]);
    int same = 1;
    for (int i = 0; i < NAMES; i++)
        for (int t = 1; t < MUTATORS; t++)
            same &= names[t][i] == names[0][i];
    say("same", "%d", same);
    say("owner", "%s", mine[0]->u.str.data);
    heap_leave(ctx, &frame);
    heap_collect(ctx);
    heap_stats(ctx, &after);
    say("books", "%d %d", after.allocated - after.freed == after.live, after.collections > before.collections + 10);
    say("garbage", "%d", after.live < before.live + 2500 && after.allocated > before.allocated + 10000);
    Obj *threads_seen[1] = {OBJ_NIL};
    (void)threads_seen;
    run(ctx, "(define (worker i) (spawn (lambda () (let loop ((n 0) (l '())) (if (= n 300) (length l) (loop (+ n 1) (cons (gensym) l)))))))");
    say("workers", "%s", run(ctx, "(map join (map worker (iota 4)))"));
    context_free(ctx);
    return probe_end();
}
