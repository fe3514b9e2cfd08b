/* Band-limited resampling with a Kaiser-windowed sinc, one row of taps for each fraction of a sample at which results
 * lie: flat up to 0.914 of the lower Nyquist frequency, nothing above it, like soxr's quality "HQ". */
#include "internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LOWEST_RATE = 1000, HIGHEST_RATE = 1536000, LANES = 8, MOST_ROWS = 1024, LEAST_ROWS = 16 };
static const double PI = 3.14159265358979323846, PASS = 0.914, ATTENUATION = 132 /* dB */;

typedef struct {
    uint64_t step, phases; /* a result lies step / phases samples after the one before */
    size_t half, size;     /* samples of sound to each side of a result; taps in a row, padded to whole LANES */
    size_t rows;           /* from fraction 0 to 1; fewer than phases are interpolated between */
    float *taps;           /* [rows + 1][size] */
} Filter;

static uint64_t common_divisor(uint64_t a, uint64_t b) { return b ? common_divisor(b, a % b) : a; }

/* Modified Bessel function of the first kind, order 0, by its power series. */
static double bessel(double x) {
    double sum = 1, term = 1;
    for (int k = 1; term > 1e-17 * sum; k++) term *= x * x / (4.0 * k * k), sum += term;
    return sum;
}

/* Kaiser (1974); frequencies in cycles per sample. */
static double kernel(double time, double half, double bandwidth, double beta) {
    double inside = 1 - time / half * (time / half), angle = PI * bandwidth * time;
    if (inside <= 0) return 0;
    return bandwidth * (angle == 0 ? 1 : sin(angle) / angle) * bessel(beta * sqrt(inside)) / bessel(beta);
}

static mf_status filter_of(uint32_t rate, uint32_t to, Filter *filter) {
    uint64_t divisor = common_divisor(rate, to);
    double stop = fmin(rate, to) / 2 / rate, beta = 0.1102 * (ATTENUATION - 8.7);
    double half = ceil((ATTENUATION - 7.95) / (14.36 * stop * (1 - PASS)) / 2);
    uint64_t enough = (uint64_t)fmax(LEAST_ROWS, ceil(2 * MOST_ROWS * stop));
    filter->step = rate / divisor, filter->phases = to / divisor;
    filter->half = (size_t)half;
    filter->size = (2 * filter->half + LANES - 1) / LANES * LANES;
    filter->rows = (size_t)(filter->phases < enough ? filter->phases : enough);
    TRY(mfi_reserve(&filter->taps, (filter->rows + 1) * filter->size, sizeof *filter->taps));
    for (size_t row = 0; row <= filter->rows; row++)
        for (size_t i = 0; i < 2 * filter->half; i++) {
            double time = (double)i - half + 1 - (double)row / (double)filter->rows;
            filter->taps[row * filter->size + i] = (float)kernel(time, half, (1 + PASS) * stop, beta);
        }
    return MF_OK;
}

/* A compiler makes one vector of the lanes, which it may not do with a single sum. */
static float product(const float *a, const float *b, size_t size) {
    float lanes[LANES] = {0}, sum = 0;
    for (size_t i = 0; i < size; i += LANES)
        for (size_t k = 0; k < LANES; k++) lanes[k] += a[i + k] * b[i + k];
    for (size_t k = 0; k < LANES; k++) sum += lanes[k];
    return sum;
}

static void filtered(const Filter *filter, const float *padded, float *results, size_t length) {
    for (size_t k = 0; k < length; k++) {
        uint64_t place = k * filter->step;
        const float *sound = padded + place / filter->phases + 1;
        uint64_t row = place % filter->phases * filter->rows;
        const float *taps = filter->taps + row / filter->phases * filter->size;
        float share = (float)(row % filter->phases) / (float)filter->phases;
        results[k] = product(sound, taps, filter->size);
        if (share > 0) results[k] += share * (product(sound, taps + filter->size, filter->size) - results[k]);
    }
}

mf_status mfi_check_rate(uint32_t rate) {
    if (rate >= LOWEST_RATE && rate <= HIGHEST_RATE) return MF_OK;
    return mfi_fail(MF_INPUT, "sample_rate must be a whole number of Hz from %d to %d, got %u", LOWEST_RATE,
                    HIGHEST_RATE, (unsigned)rate);
}

mf_status mf_resample(const float *samples, size_t count, uint32_t rate, uint32_t to, float **resampled,
                      size_t *length) {
    Filter filter = {0};
    float *padded = NULL;
    if (!resampled || !length) return mfi_fail(MF_INPUT, "a place for the samples and their number is needed");
    *resampled = NULL, *length = 0;
    if (!samples || !count) return mfi_fail(MF_INPUT, "audio is empty: at least one sample is needed");
    TRY(mfi_check_rate(rate));
    TRY(mfi_check_rate(to));
    double exact = fmax(1, nearbyint((double)count * to / rate));
    if (exact > (double)(SIZE_MAX / 16)) return mfi_fail(MF_MEMORY, "no memory is left for %g samples", exact);
    mf_status status = filter_of(rate, to, &filter);
    if (!status) status = mfi_reserve(&padded, count + 2 * filter.size + 2, sizeof *padded);
    if (!status) status = mfi_reserve(resampled, (size_t)exact, sizeof **resampled);
    if (!status) {
        memcpy(padded + filter.half, samples, count * sizeof *samples);
        *length = (size_t)exact;
        filtered(&filter, padded, *resampled, *length);
    }
    free(padded);
    free(filter.taps);
    return status;
}

void mf_free_samples(float *samples) { free(samples); }
