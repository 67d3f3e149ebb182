/* reader2.c - a recursive-descent reader. */
#include "reader2.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "heap2.h"
#include "strbuf.h"
#include "symbol2.h"

#define READER_MAX_NESTING 512

static int g_reader_nesting;

void reader2_init(Reader2 *rd, const char *text, size_t len)
{
    rd->text = text;
    rd->len = len;
    rd->pos = 0;
    rd->line = 1;
    g_reader_nesting = 0;
}

static int peek_char(const Reader2 *rd)
{
    return rd->pos < rd->len ? (unsigned char)rd->text[rd->pos] : -1;
}

static int next_char(Reader2 *rd)
{
    int c = peek_char(rd);
    if (c >= 0)
        rd->pos++;
    if (c == '\n')
        rd->line++;
    return c;
}

static void skip_space(Reader2 *rd)
{
    for (;;) {
        int c = peek_char(rd);
        if (c == ';') {
            while (c >= 0 && c != '\n') {
                next_char(rd);
                c = peek_char(rd);
            }
        } else if (c >= 0 && isspace(c)) {
            next_char(rd);
        } else {
            return;
        }
    }
}

static int is_delimiter(int c)
{
    return c < 0 || isspace(c) || c == '(' || c == ')' || c == '"' || c == ';' || c == '\'';
}

static Obj2 *read_datum(Reader2 *rd);

static Obj2 *read_string(Reader2 *rd)
{
    StrBuf2 sb;
    int start = rd->line;
    next_char(rd);
    sb2_init(&sb);
    for (;;) {
        int c = next_char(rd);
        if (c == '"')
            break;
        if (c == '\\') {
            c = next_char(rd);
            if (c == 'n')
                c = '\n';
            else if (c == 't')
                c = '\t';
        }
        if (c < 0) {
            sb2_free(&sb);
            err2_raise("line %d: unterminated string", start);
        }
        sb2_putc(&sb, (char)c);
    }
    Obj2 *str = obj2_str(sb.data, sb.len);
    sb2_free(&sb);
    return str;
}

/* 1 if the token is an integer. */
static int token_to_int(const char *text, size_t len, int64_t *out)
{
    size_t i = text[0] == '-' || text[0] == '+';
    if (i == len)
        return 0;
    for (size_t k = i; k < len; k++)
        if (!isdigit((unsigned char)text[k]))
            return 0;
    *out = strtoll(text, NULL, 10);
    return 1;
}

static Obj2 *read_atom(Reader2 *rd)
{
    char token[128];
    size_t len = 0;
    int64_t value;
    while (!is_delimiter(peek_char(rd))) {
        if (len + 1 == sizeof token)
            err2_raise("line %d: token too long", rd->line);
        token[len++] = (char)next_char(rd);
    }
    token[len] = '\0';
    if (token_to_int(token, len, &value))
        return obj2_int(value);
    if (strcmp(token, "#t") == 0)
        return OBJ_TRUE;
    if (strcmp(token, "#f") == 0)
        return OBJ_FALSE;
    if (strcmp(token, "nil") == 0)
        return OBJ_NIL;
    if (token[0] == '#')
        err2_raise("line %d: bad token %s", rd->line, token);
    return sym2_intern_len(token, len);
}

static Obj2 *read_list(Reader2 *rd)
{
    enum { HEAD, TAIL, SLOTS };
    Obj2 *slots[SLOTS] = {OBJ_NIL, OBJ_NIL};
    RootFrame2 frame;
    int start = rd->line;
    next_char(rd);
    gc_enter2_(&frame, slots, SLOTS);
    for (;;) {
        skip_space(rd);
        int c = peek_char(rd);
        if (c < 0)
            err2_raise("line %d: unterminated list", start);
        if (c == ')') {
            next_char(rd);
            break;
        }
        if (c == '.' && rd->pos + 1 < rd->len && is_delimiter((unsigned char)rd->text[rd->pos + 1])) {
            if (slots[TAIL] == OBJ_NIL)
                err2_raise("line %d: misplaced dot", rd->line);
            next_char(rd);
            slots[TAIL]->u.pair.cdr = read_datum(rd);
            skip_space(rd);
            if (next_char(rd) != ')')
                err2_raise("line %d: misplaced dot", rd->line);
            break;
        }
        Obj2 *cell = obj2_cons(read_datum(rd), OBJ_NIL);
        if (slots[HEAD] == OBJ_NIL)
            slots[HEAD] = cell;
        else
            slots[TAIL]->u.pair.cdr = cell;
        slots[TAIL] = cell;
    }
    gc_leave2_(&frame);
    return slots[HEAD];
}

static Obj2 *read_vector(Reader2 *rd)
{
    Obj2 *slots[1];
    RootFrame2 frame;
    next_char(rd);
    slots[0] = read_list(rd);
    gc_enter2_(&frame, slots, 1);
    size_t len = 0;
    for (Obj2 *p = slots[0]; p->type == T_PAIR; p = p->u.pair.cdr)
        len++;
    Obj2 *vec = obj2_vec(len, OBJ_NIL);
    len = 0;
    for (Obj2 *p = slots[0]; p->type == T_PAIR; p = p->u.pair.cdr)
        vec->u.vec.items[len++] = p->u.pair.car;
    gc_leave2_(&frame);
    return vec;
}

static Obj2 *read_quoted(Reader2 *rd, const char *name)
{
    Obj2 *slots[1];
    RootFrame2 frame;
    slots[0] = read_datum(rd);
    gc_enter2_(&frame, slots, 1);
    Obj2 *head = sym2_intern(name);
    gc_leave2_(&frame);
    return obj2_list2(head, slots[0]);
}

static Obj2 *read_datum(Reader2 *rd)
{
    Obj2 *value;
    if (++g_reader_nesting > READER_MAX_NESTING) {
        g_reader_nesting = 0;
        err2_raise("line %d: data nested too deeply", rd->line);
    }
    skip_space(rd);
    int c = peek_char(rd);
    if (c < 0)
        err2_raise("line %d: unexpected end of input", rd->line);
    if (c == '(') {
        value = read_list(rd);
    } else if (c == ')') {
        next_char(rd);
        err2_raise("line %d: unexpected )", rd->line);
    } else if (c == '"') {
        value = read_string(rd);
    } else if (c == '\'') {
        next_char(rd);
        value = read_quoted(rd, "quote");
    } else if (c == '`') {
        next_char(rd);
        value = read_quoted(rd, "quasiquote");
    } else if (c == ',') {
        next_char(rd);
        if (peek_char(rd) == '@') {
            next_char(rd);
            value = read_quoted(rd, "unquote-splicing");
        } else {
            value = read_quoted(rd, "unquote");
        }
    } else if (c == '#' && rd->pos + 1 < rd->len && rd->text[rd->pos + 1] == '(') {
        value = read_vector(rd);
    } else {
        value = read_atom(rd);
    }
    g_reader_nesting--;
    return value;
}

Obj2 *reader2_next(Reader2 *rd)
{
    skip_space(rd);
    if (peek_char(rd) < 0)
        return NULL;
    g_reader_nesting = 0;
    return read_datum(rd);
}

int reader2_complete(const char *text, size_t len)
{
    int depth = 0, in_string = 0;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = 0;
        } else if (c == '"') {
            in_string = 1;
        } else if (c == ';') {
            while (i < len && text[i] != '\n')
                i++;
        } else if (c == '(') {
            depth++;
        } else if (c == ')') {
            depth--;
        }
    }
    return depth <= 0 && !in_string;
}
