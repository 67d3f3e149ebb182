#include "tools.h"

#include <pthread.h>
#include <stdatomic.h>

#include "builtin.h"
#include "loop.h"
#include "world.h"

#define POSTERS 4
#define EACH 50

static Context *ctx;
static pthread_t owner;
static int delivered, in_order = 1, on_owner = 1;
static int last[POSTERS] = {-1, -1, -1, -1};
static atomic_int refused;

static Obj *bi_receive(Context *c, int argc, Obj **argv)
{
    (void)argc;
    long value = (long)obj_int_value(c, argv[0]);
    int from = (int)(value / 1000), turn = (int)(value % 1000);
    delivered++;
    in_order &= last[from] == turn - 1;
    last[from] = turn;
    on_owner &= pthread_equal(pthread_self(), owner) != 0;
    if (turn % 10 == 0)
        heap_collect(c);
    return OBJ_UNSPEC;
}

static void *poster(void *arg)
{
    int id = *(int *)arg;
    world_attach(ctx);
    Obj *slots[2] = {OBJ_NIL, OBJ_NIL};
    RootFrame frame;
    heap_enter(ctx, &frame, slots, 2);
    slots[0] = env_lookup(ctx, OBJ_NIL, sym_intern(ctx, "receive"));
    for (int i = 0; i < EACH; i++) {
        slots[1] = obj_int(ctx, id * 1000 + i);
        atomic_fetch_add(&refused, loop_post(ctx, slots[0], slots[1]) != 0);
        slots[1] = OBJ_NIL; /* the loop keeps it now */
        for (int k = 0; k < 20; k++)
            obj_cons(ctx, OBJ_NIL, OBJ_NIL);
    }
    heap_leave(ctx, &frame);
    world_detach(ctx);
    return NULL;
}

int main(void)
{
    pthread_t threads[POSTERS];
    int ids[POSTERS];
    probe_start(50);
    ctx = context_new();
    owner = pthread_self();
    heap_set_threshold(ctx, 300);
    builtin_define(ctx, "receive", bi_receive, 1, 1);
    for (int i = 0; i < POSTERS; i++) {
        ids[i] = i;
        pthread_create(&threads[i], NULL, poster, &ids[i]);
    }
    long long start = now_ms();
    while (delivered < POSTERS * EACH && now_ms() - start < 12000)
        loop_run_once(ctx, 50);
    world_blocking_begin(ctx);
    for (int i = 0; i < POSTERS; i++)
        pthread_join(threads[i], NULL);
    world_blocking_end(ctx);
    say("delivered", "%d %d", delivered, atomic_load(&refused) == 0);
    say("order", "%d", in_order);
    say("thread", "%d", on_owner);

    run(ctx, "(define got '())");
    run(ctx, "(define ts (map (lambda (i) (spawn (lambda () (sleep (* 3 i)) (post (lambda (x) (set! got (cons x got))) i)))) (iota 4)))");
    run(ctx, "(run-loop)");
    say("lisp", "%s %d", run(ctx, "(sort got <)"), (int)loop_pending(ctx));
    run(ctx, "(for-each join ts)");

    /* A post may post: the loop goes on until nothing is left. */
    run(ctx, "(begin (set! got '()) (define (step n) (set! got (cons n got)) (when (< n 5) (post step (+ n 1)))) (post step 0))");
    loop_run(ctx);
    say("chain", "%s", run(ctx, "got"));
    run(ctx, "(for-each (lambda (i) (post (lambda (x) x) i)) (iota 4))");
    say("count", "%d", loop_run(ctx));

    Obj *fn[1] = {env_lookup(ctx, OBJ_NIL, sym_intern(ctx, "car"))};
    run(ctx, "(post (lambda (x) x) 1)");
    run(ctx, "(after 100000 car)");
    int pending = (int)loop_pending(ctx);
    int before = loop_post(ctx, fn[0], OBJ_NIL);
    int stopped = context_stop(ctx) == 0;
    say("refused", "%d %d %d", before, stopped, loop_post(ctx, fn[0], OBJ_NIL));
    say("pending", "%d %d", pending, (int)loop_pending(ctx));
    context_destroy(ctx);
    return probe_end();
}
