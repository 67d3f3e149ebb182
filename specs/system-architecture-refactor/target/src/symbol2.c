/* symbol2.c - interning. */
#include "symbol2.h"

#include <stdio.h>
#include <string.h>

#include "heap2.h"
#include "mem.h"

static Obj2 *g_sym_buckets[SYM2_BUCKETS];
static size_t g_sym_count;
static unsigned long g_gensym_counter;

void sym2_init(void)
{
    memset(g_sym_buckets, 0, sizeof g_sym_buckets);
    g_sym_count = 0;
    g_gensym_counter = 0;
}

void sym2_shutdown(void)
{
    memset(g_sym_buckets, 0, sizeof g_sym_buckets);
    g_sym_count = 0;
}

/* FNV-1a. */
uint32_t sym2_hash(const char *name, size_t len)
{
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < len; i++) {
        h ^= (unsigned char)name[i];
        h *= 16777619u;
    }
    return h;
}

static Obj2 *sym_find(uint32_t bucket, const char *name, size_t len)
{
    for (Obj2 *s = g_sym_buckets[bucket]; s != NULL; s = s->u.sym.chain)
        if (strlen(s->u.sym.name) == len && memcmp(s->u.sym.name, name, len) == 0)
            return s;
    return NULL;
}

Obj2 *sym2_intern_len(const char *name, size_t len)
{
    uint32_t bucket = sym2_hash(name, len) % SYM2_BUCKETS;
    Obj2 *s = sym_find(bucket, name, len);
    if (s != NULL)
        return s;
    s = gc_malloc2_(T_SYM);
    s->u.sym.name = mem_alloc(len + 1);
    memcpy(s->u.sym.name, name, len);
    s->u.sym.name[len] = '\0';
    s->u.sym.chain = g_sym_buckets[bucket];
    g_sym_buckets[bucket] = s;
    g_sym_count++;
    return s;
}

Obj2 *sym2_intern(const char *name)
{
    return sym2_intern_len(name, strlen(name));
}

Obj2 *sym2_gensym(void)
{
    char name[32];
    int len;
    do {
        len = snprintf(name, sizeof name, "g%lu", ++g_gensym_counter);
    } while (sym_find(sym2_hash(name, (size_t)len) % SYM2_BUCKETS, name, (size_t)len) != NULL);
    return sym2_intern_len(name, (size_t)len);
}

size_t sym2_count(void)
{
    return g_sym_count;
}

void sym2_mark_all(void)
{
    for (size_t i = 0; i < SYM2_BUCKETS; i++)
        for (Obj2 *s = g_sym_buckets[i]; s != NULL; s = s->u.sym.chain)
            gc_mark2_(s);
}
