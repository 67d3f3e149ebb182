/* mem.h - the allocator every module uses. */
#ifndef MINILISP_MEM_H
#define MINILISP_MEM_H

#include <stddef.h>

/* None of these returns NULL: running out of memory ends the program. */
void *mem_alloc(size_t size);
void *mem_zalloc(size_t size);
void *mem_resize(void *ptr, size_t size);
char *mem_strdup(const char *text);
void mem_free(void *ptr);

/* Blocks handed out and not yet freed. */
size_t mem_blocks(void);

#endif
