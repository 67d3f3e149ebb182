/* strbuf.c - a growing string. */
#include "strbuf.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "mem.h"

void sb2_init(StrBuf2 *sb)
{
    sb->cap = 32;
    sb->len = 0;
    sb->data = mem_alloc(sb->cap);
    sb->data[0] = '\0';
}

void sb2_free(StrBuf2 *sb)
{
    mem_free(sb->data);
    sb->data = NULL;
    sb->len = sb->cap = 0;
}

void sb2_reset(StrBuf2 *sb)
{
    sb->len = 0;
    sb->data[0] = '\0';
}

void sb2_append_(StrBuf2 *sb, const char *data, size_t len)
{
    if (sb->len + len + 1 > sb->cap) {
        while (sb->len + len + 1 > sb->cap)
            sb->cap *= 2;
        sb->data = mem_resize(sb->data, sb->cap);
    }
    memcpy(sb->data + sb->len, data, len);
    sb->len += len;
    sb->data[sb->len] = '\0';
}

void sb2_putc(StrBuf2 *sb, char c)
{
    sb2_append_(sb, &c, 1);
}

void sb2_puts(StrBuf2 *sb, const char *text)
{
    sb2_append_(sb, text, strlen(text));
}

void sb2_put_int(StrBuf2 *sb, int64_t value)
{
    char text[32];
    int len = snprintf(text, sizeof text, "%" PRId64, value);
    sb2_append_(sb, text, (size_t)len);
}

/* Used by the table printer that is gone. */
void sb2_put_padded(StrBuf2 *sb, const char *text, size_t width)
{
    size_t len = strlen(text);
    sb2_append_(sb, text, len);
    while (len++ < width)
        sb2_putc(sb, ' ');
}

/* Used by the line editor that is gone. */
void sb2_chop(StrBuf2 *sb, size_t count)
{
    sb->len = count > sb->len ? 0 : sb->len - count;
    sb->data[sb->len] = '\0';
}
