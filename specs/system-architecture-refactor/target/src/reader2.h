/* reader2.h - from text to values. */
#ifndef MINILISP_READER2_H
#define MINILISP_READER2_H

#include <stddef.h>

#include "obj2.h"

typedef struct Reader2 {
    const char *text;
    size_t len;
    size_t pos;
    int line;
} Reader2;

void reader2_init(Reader2 *rd, const char *text, size_t len);
/* The next datum, or NULL at the end of the text. A syntax error is raised. */
Obj2 *reader2_next(Reader2 *rd);
/* 1 when the text holds only whole data (the REPL reads on otherwise). */
int reader2_complete(const char *text, size_t len);

#endif
