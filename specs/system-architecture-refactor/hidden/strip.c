/* strip.c - print the identifiers of C sources outside comments, strings and character constants. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

static int line;

/* The next character with line splices gone. */
static int next(FILE *f)
{
    for (;;) {
        int c = getc(f);
        if (c == '\\') {
            int d = getc(f);
            if (d == '\n') {
                line++;
                continue;
            }
            if (d != EOF)
                ungetc(d, f);
            return c;
        }
        if (c == '\n')
            line++;
        return c;
    }
}

static void scan(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (f == NULL)
        return;
    line = 1;
    int c = next(f);
    while (c != EOF) {
        if (c == '/') {
            c = next(f);
            if (c == '*') {
                int last = 0;
                while ((c = next(f)) != EOF && !(last == '*' && c == '/'))
                    last = c;
                c = next(f);
            } else if (c == '/') {
                while (c != EOF && c != '\n')
                    c = next(f);
            }
        } else if (c == '"' || c == '\'') {
            int quote = c;
            while ((c = next(f)) != EOF && c != quote && c != '\n')
                if (c == '\\')
                    next(f);
            c = next(f);
        } else if (isalpha(c) || c == '_') {
            char name[256];
            size_t n = 0;
            int at = line;
            while (c != EOF && (isalnum(c) || c == '_')) {
                if (n + 1 < sizeof name)
                    name[n++] = (char)c;
                c = next(f);
            }
            name[n] = '\0';
            printf("%s:%d:%s\n", path, at, name);
        } else if (isdigit(c)) {
            while (c != EOF && (isalnum(c) || c == '_' || c == '.'))
                c = next(f);
        } else {
            c = next(f);
        }
    }
    fclose(f);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        scan(argv[i]);
    return 0;
}
