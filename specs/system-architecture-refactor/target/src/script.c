/* script.c - running texts, files and the REPL. */
#include "script.h"

#include <string.h>

#include "builtin.h"
#include "error.h"
#include "eval2.h"
#include "heap2.h"
#include "log.h"
#include "loop2.h"
#include "printer2.h"
#include "reader2.h"
#include "strbuf.h"
#include "symbol2.h"

static int g_script_depth;

void script_setup(void)
{
    heap2_init();
    err2_init();
    sym2_init();
    eval2_init();
    loop2_init();
    builtin_register_all();
    g_script_depth = 0;
    log_write(LOG_INFO, "%zu symbols", sym2_count());
}

void script_teardown(void)
{
    printer2_flush();
    loop2_shutdown();
    sym2_shutdown();
    heap2_shutdown();
}

Obj2 *script_load(const char *path)
{
    char chunk[4096];
    size_t n;
    if (g_script_depth >= 16)
        err2_raise("load: nested too deeply: %s", path);
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        err2_raise("cannot open %s", path);
    Obj2 *slots[1] = {OBJ_NIL};
    RootFrame2 frame;
    StrBuf2 sb;
    sb2_init(&sb);
    while ((n = fread(chunk, 1, sizeof chunk, file)) > 0)
        sb2_append_(&sb, chunk, n);
    fclose(file);
    /* The text becomes a string object, so that an error in it leaks nothing. */
    slots[0] = obj2_str(sb.data, sb.len);
    sb2_free(&sb);
    gc_enter2_(&frame, slots, 1);
    g_script_depth++;
    Obj2 *value = eval2_text(slots[0]->u.str.data, slots[0]->u.str.len);
    g_script_depth--;
    gc_leave2_(&frame);
    return value;
}

static void report_error(Obj2 *error)
{
    StrBuf2 sb;
    sb2_init(&sb);
    if (obj2_is(error, T_ERROR)) {
        printer2_format(&sb, error->u.error.message, 0);
        for (Obj2 *p = error->u.error.irritants; p->type == T_PAIR; p = p->u.pair.cdr) {
            sb2_putc(&sb, ' ');
            printer2_format(&sb, p->u.pair.car, 1);
        }
    } else {
        printer2_format(&sb, error, 1);
    }
    printer2_flush();
    fprintf(stderr, "error: %s\n", sb.data);
    sb2_free(&sb);
    g_script_depth = 0;
}

struct text_arg {
    const char *text;
    size_t len;
    int print_last;
};

static Obj2 *text_body(void *arg)
{
    struct text_arg *t = arg;
    Obj2 *value = eval2_text(t->text, t->len);
    if (t->print_last && !obj2_is(value, T_UNSPEC)) {
        printer2_print(value, 1);
        printer2_write("\n", 1);
    }
    return value;
}

static Obj2 *file_body(void *arg)
{
    return script_load(arg);
}

static int finish(ErrStatus2 status, Obj2 *out)
{
    if (status == ERR_RAISED)
        report_error(out);
    printer2_flush();
    return status == ERR_EXIT ? err2_exit_code() : status == ERR_RAISED;
}

int script_run_text(const char *text, size_t len, int print_last)
{
    struct text_arg arg = {text, len, print_last};
    Obj2 *out = NULL;
    ErrStatus2 status = err2_protect(text_body, &arg, &out);
    return finish(status, out);
}

int script_run_file(const char *path)
{
    Obj2 *out = NULL;
    ErrStatus2 status = err2_protect(file_body, (void *)path, &out);
    return finish(status, out);
}

int script_repl(FILE *in, int prompt)
{
    char line[1024];
    int status = 0;
    ErrStatus2 last = ERR_OK;
    StrBuf2 sb;
    sb2_init(&sb);
    for (;;) {
        if (prompt) {
            printer2_write(sb.len > 0 ? ". " : "> ", 2);
            printer2_flush();
        }
        if (fgets(line, sizeof line, in) == NULL)
            break;
        sb2_puts(&sb, line);
        if (!reader2_complete(sb.data, sb.len))
            continue;
        struct text_arg arg = {sb.data, sb.len, 1};
        Obj2 *out = NULL;
        last = err2_protect(text_body, &arg, &out);
        int code = finish(last, out);
        sb2_reset(&sb);
        if (last == ERR_EXIT) {
            status = code;
            break;
        }
    }
    if (last != ERR_EXIT && sb.len > 0)
        status = script_run_text(sb.data, sb.len, 1);
    sb2_free(&sb);
    return status;
}
