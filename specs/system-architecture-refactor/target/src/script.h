/* script.h - running texts, files and the REPL. */
#ifndef MINILISP_SCRIPT_H
#define MINILISP_SCRIPT_H

#include <stddef.h>
#include <stdio.h>

#include "obj2.h"

/* Everything up and down again, in the right order. */
void script_setup(void);
void script_teardown(void);

/* Evaluate every form of a file; a file that cannot be read is a Lisp error. */
Obj2 *script_load(const char *path);

/* Each of these reports an error on standard error and returns the exit status:
 * 0, 1 after an error, or what (exit n) asked for. */
int script_run_text(const char *text, size_t len, int print_last);
int script_run_file(const char *path);
/* A form at a time from a stream; errors are reported and the next form is read. */
int script_repl(FILE *in, int prompt);

#endif
