#include "tools.h"

#include "num.h"

static int parse(const char *text, int64_t *out)
{
    return num_parse(text, strlen(text), out);
}

int main(void)
{
    int64_t v[4] = {0, 0, 0, 0}, untouched = 42;
    int r[4];
    probe_start(50);
    r[0] = parse(with_ab("%ld", probe_a), &v[0]);
    r[1] = parse(with_ab("-%ld", probe_b), &v[1]);
    r[2] = parse("-0", &v[2]);
    r[3] = parse("+007", &v[3]);
    say("parsed", "%d %ld %d %ld %d %ld %d %ld", r[0], (long)v[0], r[1], (long)v[1], r[2], (long)v[2], r[3], (long)v[3]);
    r[0] = num_parse("1234", 2, &v[0]);
    say("prefix", "%d %ld", r[0], (long)v[0]);
    say("not", "%d %d %d %d %d %d %d", parse("", &untouched), parse("-", &untouched), parse("+", &untouched),
        parse("1x", &untouched), parse(" 1", &untouched), parse("--1", &untouched), parse("0x10", &untouched));
    r[0] = parse("9223372036854775807", &v[0]);
    r[1] = parse("-9223372036854775808", &v[1]);
    say("limits", "%d %lld %d %lld", r[0], (long long)v[0], r[1], (long long)v[1]);
    r[0] = parse("9223372036854775808", &untouched);
    r[1] = parse("-9223372036854775809", &untouched);
    r[2] = parse("99999999999999999999999999999999", &untouched);
    say("beyond", "%d %d %d", r[0], r[1], r[2]);
    say("untouched", "%ld", (long)untouched);
    say("mixed", "%d", parse("99999999999999999999999x", &untouched));

    Context *ctx = context_new();
    say("lisp", "%s", run(ctx, with_ab("(map string->number (list \"%ld\" \"-%ld\" \"+5\" \"5 \" \"\" \"1e3\"))", probe_a, probe_b)));
    say("same", "%s", run(ctx, "(list (= +5 5) (= (string->number \"+5\") +5) (= -0 0))"));
    say("reader", "%s", run(ctx, "1\n9223372036854775808"));
    say("reader-low", "%s", run(ctx, "-9223372036854775809"));
    say("edge", "%s", run(ctx, "(list 9223372036854775807 -9223372036854775808)"));
    say("out", "%s", run(ctx, "(list (string->number \"9223372036854775808\") (string->number \"-99999999999999999999\"))"));
    say("symbols", "%s", run(ctx, "'(+ - -x 1+)"));
    context_free(ctx);
    return probe_end();
}
