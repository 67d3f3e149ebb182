/* heap2.c - allocation, marking and sweeping. */
#include "heap2.h"

#include <stdio.h>

#include "error.h"
#include "log.h"
#include "mem.h"
#include "symbol2.h"

Heap2 g_heap;

void heap2_init(void)
{
    g_heap.all = NULL;
    g_heap.roots = NULL;
    g_heap.pins = NULL;
    g_heap.pin_cap = 0;
    g_heap.mark_stack = NULL;
    g_heap.mark_len = 0;
    g_heap.mark_cap = 0;
    g_heap.min_threshold = HEAP2_DEFAULT_THRESHOLD;
    g_heap.stress = 0;
    g_heap.stats = (HeapStats2){.threshold = HEAP2_DEFAULT_THRESHOLD};
}

static void heap_release(Obj2 *o)
{
    switch (o->type) {
    case T_STR:
        mem_free(o->u.str.data);
        break;
    case T_SYM:
        mem_free(o->u.sym.name);
        break;
    case T_VEC:
        mem_free(o->u.vec.items);
        break;
    default:
        break;
    }
    mem_free(o);
}

void heap2_shutdown(void)
{
    while (g_heap.all != NULL) {
        Obj2 *next = g_heap.all->next;
        heap_release(g_heap.all);
        g_heap.all = next;
    }
    mem_free(g_heap.pins);
    mem_free(g_heap.mark_stack);
    g_heap.pins = NULL;
    g_heap.mark_stack = NULL;
    g_heap.stats.live = 0;
}

Obj2 *gc_malloc2_(ObjType2 type)
{
    if (g_heap.stress || g_heap.stats.since_collect >= g_heap.stats.threshold)
        gc_run2_();
    Obj2 *o = mem_zalloc(sizeof *o);
    o->type = (uint8_t)type;
    o->next = g_heap.all;
    g_heap.all = o;
    g_heap.stats.live++;
    g_heap.stats.allocated++;
    g_heap.stats.since_collect++;
    return o;
}

void gc_enter2_(RootFrame2 *frame, Obj2 **slots, size_t count)
{
    frame->prev = g_heap.roots;
    frame->slots = slots;
    frame->count = count;
    g_heap.roots = frame;
}

void gc_leave2_(RootFrame2 *frame)
{
    g_heap.roots = frame->prev;
}

void heap2_pin(Obj2 *value)
{
    if (g_heap.stats.pinned == g_heap.pin_cap) {
        g_heap.pin_cap = g_heap.pin_cap ? g_heap.pin_cap * 2 : 16;
        g_heap.pins = mem_resize(g_heap.pins, g_heap.pin_cap * sizeof(Obj2 *));
    }
    g_heap.pins[g_heap.stats.pinned++] = value;
}

void heap2_unpin(Obj2 *value)
{
    for (size_t i = g_heap.stats.pinned; i > 0; i--) {
        if (g_heap.pins[i - 1] == value) {
            g_heap.pins[i - 1] = g_heap.pins[--g_heap.stats.pinned];
            return;
        }
    }
}

void gc_mark2_(Obj2 *value)
{
    if (value == NULL || value->mark != MARK_WHITE)
        return;
    value->mark = MARK_BLACK;
    if (g_heap.mark_len == g_heap.mark_cap) {
        g_heap.mark_cap = g_heap.mark_cap ? g_heap.mark_cap * 2 : 256;
        g_heap.mark_stack = mem_resize(g_heap.mark_stack, g_heap.mark_cap * sizeof(Obj2 *));
    }
    g_heap.mark_stack[g_heap.mark_len++] = value;
}

static void heap_mark_children(Obj2 *o)
{
    switch (o->type) {
    case T_SYM:
        gc_mark2_(o->u.sym.value);
        break;
    case T_PAIR:
        gc_mark2_(o->u.pair.car);
        gc_mark2_(o->u.pair.cdr);
        break;
    case T_VEC:
        for (size_t i = 0; i < o->u.vec.len; i++)
            gc_mark2_(o->u.vec.items[i]);
        break;
    case T_CLOSURE:
        gc_mark2_(o->u.closure.params);
        gc_mark2_(o->u.closure.body);
        gc_mark2_(o->u.closure.env);
        break;
    case T_ENV:
        gc_mark2_(o->u.env.parent);
        gc_mark2_(o->u.env.bindings);
        break;
    case T_ERROR:
        gc_mark2_(o->u.error.message);
        gc_mark2_(o->u.error.irritants);
        break;
    default:
        break;
    }
}

static void heap_mark_drain(void)
{
    while (g_heap.mark_len > 0)
        heap_mark_children(g_heap.mark_stack[--g_heap.mark_len]);
}

static void heap_mark_roots(void)
{
    for (RootFrame2 *f = g_heap.roots; f != NULL; f = f->prev)
        for (size_t i = 0; i < f->count; i++)
            gc_mark2_(f->slots[i]);
    for (size_t i = 0; i < g_heap.stats.pinned; i++)
        gc_mark2_(g_heap.pins[i]);
    sym2_mark_all();
    err2_mark();
    heap_mark_drain();
}

static size_t heap_sweep(void)
{
    size_t freed = 0;
    Obj2 **link = &g_heap.all;
    while (*link != NULL) {
        Obj2 *o = *link;
        if (o->mark == MARK_BLACK) {
            o->mark = MARK_WHITE;
            link = &o->next;
        } else {
            *link = o->next;
            heap_release(o);
            freed++;
        }
    }
    return freed;
}

size_t gc_run2_(void)
{
    heap_mark_roots();
    size_t freed = heap_sweep();
    g_heap.stats.live -= freed;
    g_heap.stats.freed += freed;
    g_heap.stats.collections++;
    g_heap.stats.since_collect = 0;
    g_heap.stats.threshold = g_heap.stats.live > g_heap.min_threshold ? g_heap.stats.live : g_heap.min_threshold;
    log_write(LOG_DEBUG, "collection %zu freed %zu, %zu live", g_heap.stats.collections, freed, g_heap.stats.live);
    return freed;
}

void heap2_stats(HeapStats2 *out)
{
    *out = g_heap.stats;
}

void heap2_set_threshold(size_t allocations)
{
    g_heap.min_threshold = allocations ? allocations : 1;
    g_heap.stats.threshold = g_heap.min_threshold;
}

void heap2_set_stress(int on)
{
    g_heap.stress = on != 0;
}

/* Left over from the copying collector. */
void heap2_dump_summary(void)
{
    size_t counts[T_TYPE_COUNT] = {0};
    for (Obj2 *o = g_heap.all; o != NULL; o = o->next)
        counts[o->type]++;
    for (int t = 0; t < T_TYPE_COUNT; t++)
        fprintf(stderr, "heap: type %d: %zu\n", t, counts[t]);
}

/* Left over from the copying collector. */
int heap2_verify_list(void)
{
    size_t n = 0;
    for (Obj2 *o = g_heap.all; o != NULL; o = o->next)
        n++;
    return n == g_heap.stats.live;
}

#if 0
/* The semi-space layout that the copying collector used. */
static void heap_flip(void)
{
    void *t = g_heap.from;
    g_heap.from = g_heap.to;
    g_heap.to = t;
}
#endif
