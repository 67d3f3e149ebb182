/* mem.c - checked allocation with a count of outstanding blocks. */
#include "mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t g_mem_blocks;

static void mem_fail(size_t size)
{
    fprintf(stderr, "minilisp: out of memory (%zu bytes)\n", size);
    abort();
}

void *mem_alloc(size_t size)
{
    void *ptr = malloc(size ? size : 1);
    if (ptr == NULL)
        mem_fail(size);
    g_mem_blocks++;
    return ptr;
}

void *mem_zalloc(size_t size)
{
    void *ptr = mem_alloc(size);
    memset(ptr, 0, size);
    return ptr;
}

void *mem_resize(void *ptr, size_t size)
{
    if (ptr == NULL)
        return mem_alloc(size);
    void *moved = realloc(ptr, size ? size : 1);
    if (moved == NULL)
        mem_fail(size);
    return moved;
}

char *mem_strdup(const char *text)
{
    size_t len = strlen(text) + 1;
    char *copy = mem_alloc(len);
    memcpy(copy, text, len);
    return copy;
}

void mem_free(void *ptr)
{
    if (ptr == NULL)
        return;
    g_mem_blocks--;
    free(ptr);
}

size_t mem_blocks(void)
{
    return g_mem_blocks;
}
