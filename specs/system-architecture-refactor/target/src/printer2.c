/* printer2.c - formatting and output. */
#include "printer2.h"

#include "mem.h"

#define PRINTER_MAX_NESTING 256
#define PRINTER_MAX_ITEMS 100000

static FILE *g_out_stream;

static void format_value(StrBuf2 *sb, const Obj2 *value, int quoted, int nesting);

static void format_string(StrBuf2 *sb, const Obj2 *value)
{
    sb2_putc(sb, '"');
    for (size_t i = 0; i < value->u.str.len; i++) {
        char c = value->u.str.data[i];
        if (c == '"' || c == '\\') {
            sb2_putc(sb, '\\');
            sb2_putc(sb, c);
        } else if (c == '\n') {
            sb2_puts(sb, "\\n");
        } else if (c == '\t') {
            sb2_puts(sb, "\\t");
        } else {
            sb2_putc(sb, c);
        }
    }
    sb2_putc(sb, '"');
}

static void format_list(StrBuf2 *sb, const Obj2 *value, int quoted, int nesting)
{
    size_t items = 0;
    sb2_putc(sb, '(');
    while (value->type == T_PAIR) {
        if (items > 0)
            sb2_putc(sb, ' ');
        if (++items > PRINTER_MAX_ITEMS) {
            sb2_puts(sb, "...");
            break;
        }
        format_value(sb, value->u.pair.car, quoted, nesting + 1);
        value = value->u.pair.cdr;
    }
    if (value->type != T_PAIR && value->type != T_NIL) {
        sb2_puts(sb, " . ");
        format_value(sb, value, quoted, nesting + 1);
    }
    sb2_putc(sb, ')');
}

static void format_value(StrBuf2 *sb, const Obj2 *value, int quoted, int nesting)
{
    if (nesting > PRINTER_MAX_NESTING) {
        sb2_puts(sb, "...");
        return;
    }
    switch (value->type) {
    case T_NIL:
        sb2_puts(sb, "()");
        break;
    case T_UNSPEC:
        sb2_puts(sb, "#<unspecified>");
        break;
    case T_EOF:
        sb2_puts(sb, "#<eof>");
        break;
    case T_BOOL:
        sb2_puts(sb, value->u.i ? "#t" : "#f");
        break;
    case T_INT:
        sb2_put_int(sb, value->u.i);
        break;
    case T_STR:
        if (quoted)
            format_string(sb, value);
        else
            sb2_append_(sb, value->u.str.data, value->u.str.len);
        break;
    case T_SYM:
        sb2_puts(sb, value->u.sym.name);
        break;
    case T_PAIR:
        format_list(sb, value, quoted, nesting);
        break;
    case T_VEC:
        sb2_puts(sb, "#(");
        for (size_t i = 0; i < value->u.vec.len; i++) {
            if (i > 0)
                sb2_putc(sb, ' ');
            format_value(sb, value->u.vec.items[i], quoted, nesting + 1);
        }
        sb2_putc(sb, ')');
        break;
    case T_CLOSURE:
        sb2_puts(sb, value->flags & OBJ_FLAG_MACRO ? "#<macro>" : "#<closure>");
        break;
    case T_BUILTIN:
        sb2_puts(sb, "#<builtin ");
        sb2_puts(sb, value->u.builtin.name);
        sb2_putc(sb, '>');
        break;
    case T_ENV:
        sb2_puts(sb, "#<environment>");
        break;
    case T_ERROR:
        sb2_puts(sb, "#<error ");
        format_value(sb, value->u.error.message, quoted, nesting + 1);
        sb2_putc(sb, '>');
        break;
    default:
        sb2_puts(sb, "#<unknown>");
        break;
    }
}

void printer2_format(StrBuf2 *sb, const Obj2 *value, int quoted)
{
    format_value(sb, value, quoted, 0);
}

void printer2_set_stream(FILE *stream)
{
    g_out_stream = stream;
}

void printer2_write(const char *data, size_t len)
{
    fwrite(data, 1, len, g_out_stream ? g_out_stream : stdout);
}

void printer2_print(const Obj2 *value, int quoted)
{
    StrBuf2 sb;
    sb2_init(&sb);
    printer2_format(&sb, value, quoted);
    printer2_write(sb.data, sb.len);
    sb2_free(&sb);
}

void printer2_flush(void)
{
    fflush(g_out_stream ? g_out_stream : stdout);
}
