/* From figures to places on an axis, and the ticks that it has. */
#include <math.h>

#include "cmd/compare/scale.h"

/* A shorter logarithmic scale might have no two round values. */
#define RATIO_MIN 10

static void tick_add(struct scale *scale, double at)
{
    double slack = (scale->max - scale->min) * 1e-9;

    if (scale->len < TICKS_MAX && at >= scale->min - slack && at <= scale->max + slack)
        scale->ticks[scale->len++] = at;
}

/* What a round value is a round multiple of: KiB are not thousands, and seconds are. */
static double base_of(enum unit unit, double max)
{
    double base = 1;

    while (unit == UNIT_BYTES && max / base >= 1024)
        base *= 1024;
    return base;
}

/* Steps of 1, 2 or 5 times a power of ten. */
static double round_step(double raw)
{
    double power = pow(10, floor(log10(raw))), part = raw / power;

    return power * (part <= 1 ? 1 : part <= 2 ? 2 : part <= 5 ? 5 : 10);
}

static void linear_ticks(struct scale *scale, enum unit unit, unsigned wanted)
{
    double base = base_of(unit, scale->max), step = base * round_step(scale->max / base / wanted);
    unsigned i;

    if (unit == UNIT_COUNT && step < 1 && scale->max > wanted)
        step = 1;
    for (i = 0; i * step <= scale->max * 1.000001 && scale->len < TICKS_MAX; i++)
        tick_add(scale, i * step);
}

/* Powers of two for bytes, else of ten; every so many that not too many come, or with what lies
   between them where that is few. */
static void log_ticks(struct scale *scale, enum unit unit, unsigned wanted)
{
    double base = unit == UNIT_BYTES ? 2 : 10;
    int low = (int)floor(log(scale->min) / log(base));
    int high = (int)ceil(log(scale->max) / log(base));
    int span = high - low, each = (int)wanted / span, every = 1 + (span - 1) / (int)wanted, power;

    for (power = low; power <= high; power += every) {
        tick_add(scale, pow(base, power));
        if (base == 10 && each >= 3)
            tick_add(scale, 2 * pow(base, power));
        if (base == 10 && each >= 2)
            tick_add(scale, 5 * pow(base, power));
    }
}

void scale_init(struct scale *scale, enum unit unit, bool log, double min, double max,
                unsigned wanted)
{
    double air;

    *scale = (struct scale){ .log = log && min > 0 };
    if (!(max > 0))
        max = 1;
    air = scale->log ? fmax(1.25, sqrt(RATIO_MIN * min / max)) : 1.05;
    scale->min = scale->log ? min / air : 0;
    scale->max = max * air;
    if (scale->log)
        log_ticks(scale, unit, wanted);
    else
        linear_ticks(scale, unit, wanted);
}

void scale_place(struct scale *scale, double from, double to)
{
    scale->from = from;
    scale->to = to;
}

double scale_at(const struct scale *scale, double value)
{
    double part;

    if (!(value > scale->min))
        return scale->from;
    if (scale->log)
        part = log(value / scale->min) / log(scale->max / scale->min);
    else
        part = (value - scale->min) / (scale->max - scale->min);
    return scale->from + fmin(part, 1) * (scale->to - scale->from);
}
