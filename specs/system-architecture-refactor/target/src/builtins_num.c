/* builtins_num.c - integers. */
#include "builtin.h"

#include <ctype.h>
#include <stdlib.h>

#include "error.h"
#include "strbuf.h"

static _Noreturn void overflow(void)
{
    err2_raise("integer overflow");
}

static Obj2 *bi_add(int argc, Obj2 **argv)
{
    int64_t sum = 0;
    for (int i = 0; i < argc; i++)
        if (__builtin_add_overflow(sum, builtin_int("+", argv[i]), &sum))
            overflow();
    return obj2_int(sum);
}

static Obj2 *bi_sub(int argc, Obj2 **argv)
{
    int64_t value = builtin_int("-", argv[0]);
    if (argc == 1 && __builtin_sub_overflow((int64_t)0, value, &value))
        overflow();
    for (int i = 1; i < argc; i++)
        if (__builtin_sub_overflow(value, builtin_int("-", argv[i]), &value))
            overflow();
    return obj2_int(value);
}

static Obj2 *bi_mul(int argc, Obj2 **argv)
{
    int64_t product = 1;
    for (int i = 0; i < argc; i++)
        if (__builtin_mul_overflow(product, builtin_int("*", argv[i]), &product))
            overflow();
    return obj2_int(product);
}

static void check_divisor(const char *who, int64_t a, int64_t b)
{
    if (b == 0)
        err2_raise("%s: division by zero", who);
    if (a == INT64_MIN && b == -1)
        overflow();
}

static Obj2 *bi_quotient(int argc, Obj2 **argv)
{
    int64_t a = builtin_int("quotient", argv[0]), b = builtin_int("quotient", argv[1]);
    (void)argc;
    check_divisor("quotient", a, b);
    return obj2_int(a / b);
}

static Obj2 *bi_remainder(int argc, Obj2 **argv)
{
    int64_t a = builtin_int("remainder", argv[0]), b = builtin_int("remainder", argv[1]);
    (void)argc;
    check_divisor("remainder", a, b);
    return obj2_int(a % b);
}

static Obj2 *bi_modulo(int argc, Obj2 **argv)
{
    int64_t a = builtin_int("modulo", argv[0]), b = builtin_int("modulo", argv[1]);
    (void)argc;
    check_divisor("modulo", a, b);
    int64_t r = a % b;
    return obj2_int(r != 0 && (r < 0) != (b < 0) ? r + b : r);
}

enum compare { LT, GT, LE, GE, EQ };

static Obj2 *compare(const char *who, enum compare op, int argc, Obj2 **argv)
{
    int holds = 1;
    for (int i = 0; i + 1 < argc; i++) {
        int64_t a = builtin_int(who, argv[i]), b = builtin_int(who, argv[i + 1]);
        switch (op) {
        case LT:
            holds &= a < b;
            break;
        case GT:
            holds &= a > b;
            break;
        case LE:
            holds &= a <= b;
            break;
        case GE:
            holds &= a >= b;
            break;
        case EQ:
            holds &= a == b;
            break;
        }
    }
    return obj2_bool(holds);
}

static Obj2 *bi_lt(int argc, Obj2 **argv)
{
    return compare("<", LT, argc, argv);
}

static Obj2 *bi_gt(int argc, Obj2 **argv)
{
    return compare(">", GT, argc, argv);
}

static Obj2 *bi_le(int argc, Obj2 **argv)
{
    return compare("<=", LE, argc, argv);
}

static Obj2 *bi_ge(int argc, Obj2 **argv)
{
    return compare(">=", GE, argc, argv);
}

static Obj2 *bi_num_eq(int argc, Obj2 **argv)
{
    return compare("=", EQ, argc, argv);
}

static Obj2 *bi_min(int argc, Obj2 **argv)
{
    int64_t best = builtin_int("min", argv[0]);
    for (int i = 1; i < argc; i++) {
        int64_t v = builtin_int("min", argv[i]);
        best = v < best ? v : best;
    }
    return obj2_int(best);
}

static Obj2 *bi_max(int argc, Obj2 **argv)
{
    int64_t best = builtin_int("max", argv[0]);
    for (int i = 1; i < argc; i++) {
        int64_t v = builtin_int("max", argv[i]);
        best = v > best ? v : best;
    }
    return obj2_int(best);
}

/* The binary logarithm, rounded down. */
static Obj2 *bi_log2(int argc, Obj2 **argv)
{
    int64_t value = builtin_int("log2", argv[0]);
    int bits = -1;
    (void)argc;
    if (value <= 0)
        err2_raise("log2: not positive");
    while (value > 0) {
        value >>= 1;
        bits++;
    }
    return obj2_int(bits);
}

static Obj2 *bi_expt(int argc, Obj2 **argv)
{
    int64_t base = builtin_int("expt", argv[0]), power = builtin_int("expt", argv[1]), value = 1;
    (void)argc;
    if (power < 0)
        err2_raise("expt: negative power");
    for (; power > 0; power--)
        if (__builtin_mul_overflow(value, base, &value))
            overflow();
    return obj2_int(value);
}

static Obj2 *bi_number_to_string(int argc, Obj2 **argv)
{
    StrBuf2 sb;
    int64_t value = builtin_int("number->string", argv[0]);
    (void)argc;
    sb2_init(&sb);
    sb2_put_int(&sb, value);
    Obj2 *str = obj2_str(sb.data, sb.len);
    sb2_free(&sb);
    return str;
}

/* 1 if the whole text is an integer. */
static int text_to_int(const char *text, int64_t *out)
{
    uint64_t value = 0;
    int negative = *text == '-';
    text += negative;
    if (!isdigit((unsigned char)*text))
        return 0;
    for (; isdigit((unsigned char)*text); text++)
        value = value * 10 + (uint64_t)(*text - '0');
    *out = (int64_t)(negative ? 0 - value : value);
    return *text == '\0';
}

static Obj2 *bi_string_to_number(int argc, Obj2 **argv)
{
    int64_t value;
    Obj2 *str = builtin_typed("string->number", argv[0], T_STR);
    (void)argc;
    if (!text_to_int(str->u.str.data, &value))
        return OBJ_FALSE;
    return obj2_int(value);
}

void builtin_register_numbers(void)
{
    static const BuiltinSpec table[] = {
        {"+", bi_add, 0, -1},
        {"-", bi_sub, 1, -1},
        {"*", bi_mul, 0, -1},
        {"quotient", bi_quotient, 2, 2},
        {"remainder", bi_remainder, 2, 2},
        {"modulo", bi_modulo, 2, 2},
        {"<", bi_lt, 1, -1},
        {">", bi_gt, 1, -1},
        {"<=", bi_le, 1, -1},
        {">=", bi_ge, 1, -1},
        {"=", bi_num_eq, 1, -1},
        {"min", bi_min, 1, -1},
        {"max", bi_max, 1, -1},
        {"log2", bi_log2, 1, 1},
        {"expt", bi_expt, 2, 2},
        {"number->string", bi_number_to_string, 1, 1},
        {"string->number", bi_string_to_number, 1, 1},
    };
    builtin_define_table(table, sizeof table / sizeof table[0]);
}
