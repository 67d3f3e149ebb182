/* symbol2.h - the table of interned symbols. */
#ifndef MINILISP_SYMBOL2_H
#define MINILISP_SYMBOL2_H

#include <stddef.h>

#include "obj2.h"

#define SYM2_BUCKETS 509

void sym2_init(void);
void sym2_shutdown(void);

/* The one symbol of that name. */
Obj2 *sym2_intern(const char *name);
Obj2 *sym2_intern_len(const char *name, size_t len);
/* A new symbol g<N>, interned, of a name not used before. */
Obj2 *sym2_gensym(void);
/* Interned symbols so far. */
size_t sym2_count(void);
/* Called while marking: symbols are never collected. */
void sym2_mark_all(void);

uint32_t sym2_hash(const char *name, size_t len);

#endif
