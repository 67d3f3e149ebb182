/* heap2.h - the mark-and-sweep heap. */
#ifndef MINILISP_HEAP2_H
#define MINILISP_HEAP2_H

#include <stddef.h>

#include "obj2.h"

/* A frame of rooted slots on the C stack. Enter before the first allocation, leave before returning;
 * a Lisp error unwinds the frames above its handler. */
typedef struct RootFrame2 {
    struct RootFrame2 *prev;
    Obj2 **slots;
    size_t count;
} RootFrame2;

typedef struct HeapStats2 {
    size_t live;           /* objects in the heap now, garbage not yet swept included */
    size_t allocated;      /* objects ever allocated */
    size_t freed;          /* objects ever swept */
    size_t collections;    /* collections so far */
    size_t threshold;      /* allocations between two collections */
    size_t since_collect;  /* allocations since the last collection */
    size_t pinned;         /* pins held */
} HeapStats2;

typedef struct Heap2 {
    Obj2 *all;
    RootFrame2 *roots;
    Obj2 **pins;
    size_t pin_cap;
    Obj2 **mark_stack;
    size_t mark_len;
    size_t mark_cap;
    size_t min_threshold;
    int stress;
    HeapStats2 stats;
} Heap2;

extern Heap2 g_heap;

#define HEAP2_DEFAULT_THRESHOLD 8192

void heap2_init(void);
void heap2_shutdown(void);

/* A new object of the given type with all its fields zero. May collect first. */
Obj2 *gc_malloc2_(ObjType2 type);

/* Mark from the roots and sweep; the number of objects freed. */
size_t gc_run2_(void);

void gc_enter2_(RootFrame2 *frame, Obj2 **slots, size_t count);
void gc_leave2_(RootFrame2 *frame);

/* Keep a value alive until heap2_unpin of the same value; pins nest. */
void heap2_pin(Obj2 *value);
void heap2_unpin(Obj2 *value);

/* Called while marking only. */
void gc_mark2_(Obj2 *value);

void heap2_stats(HeapStats2 *out);
void heap2_set_threshold(size_t allocations);
/* Stress: collect before every allocation. */
void heap2_set_stress(int on);

void heap2_dump_summary(void);
int heap2_verify_list(void);

#endif
