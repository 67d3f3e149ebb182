/* main.c - the command line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "heap2.h"
#include "log.h"
#include "script.h"

static void usage(FILE *out)
{
    fputs("usage: minilisp [options] [file]\n"
          "  -e TEXT            evaluate TEXT and print its last value\n"
          "  -v, -vv, -vvv      log warnings, information, debugging to standard error\n"
          "  --gc-stress        collect before every allocation\n"
          "  --gc-threshold N   allocations between two collections\n"
          "  --gc-stats         report the heap on standard error at the end\n"
          "  --version          print the version\n"
          "  -h, --help         print this\n"
          "Without a file or -e, forms are read from standard input.\n",
          out);
}

static void report_heap(void)
{
    HeapStats2 stats;
    heap2_stats(&stats);
    fprintf(stderr, "heap: %zu live, %zu allocated, %zu freed, %zu collections\n", stats.live, stats.allocated,
            stats.freed, stats.collections);
}

int main(int argc, char **argv)
{
    const char *text = NULL, *file = NULL;
    int stats = 0, stress = 0;
    long threshold = 0;
    for (int i = 1; i < argc; i++) {
        const char *arg = argv[i];
        if (strcmp(arg, "-h") == 0 || strcmp(arg, "--help") == 0) {
            usage(stdout);
            return 0;
        } else if (strcmp(arg, "--version") == 0) {
            puts("minilisp 1.4");
            return 0;
        } else if (strcmp(arg, "-e") == 0 && i + 1 < argc) {
            text = argv[++i];
        } else if (strcmp(arg, "-v") == 0) {
            log_set_level(LOG_WARN);
        } else if (strcmp(arg, "-vv") == 0) {
            log_set_level(LOG_INFO);
        } else if (strcmp(arg, "-vvv") == 0) {
            log_set_level(LOG_DEBUG);
        } else if (strcmp(arg, "--gc-stress") == 0) {
            stress = 1;
        } else if (strcmp(arg, "--gc-threshold") == 0 && i + 1 < argc) {
            threshold = strtol(argv[++i], NULL, 10);
        } else if (strcmp(arg, "--gc-stats") == 0) {
            stats = 1;
        } else if (arg[0] == '-' || file != NULL) {
            fprintf(stderr, "minilisp: bad argument: %s\n", arg);
            usage(stderr);
            return 2;
        } else {
            file = arg;
        }
    }
    script_setup();
    if (threshold > 0)
        heap2_set_threshold((size_t)threshold);
    heap2_set_stress(stress);
    int status;
    if (text != NULL)
        status = script_run_text(text, strlen(text), 1);
    else if (file != NULL)
        status = script_run_file(file);
    else
        status = script_repl(stdin, isatty(STDIN_FILENO));
    if (stats)
        report_heap();
    script_teardown();
    return status;
}
