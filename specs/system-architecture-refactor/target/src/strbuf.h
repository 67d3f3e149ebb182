/* strbuf.h - a growing string. */
#ifndef MINILISP_STRBUF_H
#define MINILISP_STRBUF_H

#include <stddef.h>
#include <stdint.h>

typedef struct StrBuf2 {
    char *data; /* always terminated */
    size_t len;
    size_t cap;
} StrBuf2;

void sb2_init(StrBuf2 *sb);
void sb2_free(StrBuf2 *sb);
void sb2_reset(StrBuf2 *sb);
void sb2_putc(StrBuf2 *sb, char c);
void sb2_puts(StrBuf2 *sb, const char *text);
void sb2_append_(StrBuf2 *sb, const char *data, size_t len);
void sb2_put_int(StrBuf2 *sb, int64_t value);
void sb2_put_padded(StrBuf2 *sb, const char *text, size_t width);
void sb2_chop(StrBuf2 *sb, size_t count);

#endif
