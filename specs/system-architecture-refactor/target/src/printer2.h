/* printer2.h - from values to text, and the program's output. */
#ifndef MINILISP_PRINTER2_H
#define MINILISP_PRINTER2_H

#include <stddef.h>
#include <stdio.h>

#include "obj2.h"
#include "strbuf.h"

/* Append the text of a value; strings are quoted and escaped when quoted is not 0. */
void printer2_format(StrBuf2 *sb, const Obj2 *value, int quoted);

/* Where display, write, print and newline go; standard output at first. */
void printer2_set_stream(FILE *stream);
void printer2_write(const char *data, size_t len);
void printer2_print(const Obj2 *value, int quoted);
void printer2_flush(void);

#endif
