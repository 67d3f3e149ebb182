#include "tools.h"

#include <pthread.h>

#define THREADS 4

static pthread_barrier_t barrier;
static char answers[THREADS][512];
static int collected[THREADS];

static void *work(void *arg)
{
    int id = *(int *)arg;
    Context *ctx = context_new();
    heap_set_threshold(ctx, 200);
    pthread_barrier_wait(&barrier);
    run(ctx, with_ab("(define me %d) (define a %ld)", id, probe_a));
    run(ctx, "(define (fib n) (if (< n 2) n (+ (fib (- n 1)) (fib (- n 2)))))");
    run(ctx, "(define ticks 0) (define t (every 1 (lambda () (set! ticks (+ ticks 1)) (when (= ticks 2) (cancel t)))))");
    run(ctx, "(run-loop)");
    const char *value = run(ctx, "(list me a (fib 15) (sort (list 5 8 2 1 3) <)"
                                 " (string-append \"k-\" (number->string me)) (gensym) ticks)");
    const char *error = run(ctx, "(error (string-append \"bad \" (number->string me)))");
    HeapStats stats;
    heap_stats(ctx, &stats);
    collected[id] = stats.collections > 3;
    snprintf(answers[id], sizeof answers[id], "%s %s", value, error);
    pthread_barrier_wait(&barrier);
    context_free(ctx);
    return NULL;
}

int main(void)
{
    pthread_t threads[THREADS];
    int ids[THREADS], all = 1;
    probe_start(50);
    pthread_barrier_init(&barrier, NULL, THREADS);
    for (int i = 0; i < THREADS; i++) {
        ids[i] = i;
        pthread_create(&threads[i], NULL, work, &ids[i]);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < THREADS; i++) {
        say(with_ab("thread-%d", i), "%s", answers[i]);
        all &= collected[i];
    }
    say("collected", "%d", all);
    pthread_barrier_destroy(&barrier);
    return probe_end();
}
