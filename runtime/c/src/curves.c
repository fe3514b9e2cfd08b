/* The curves over a recording: windows that overlap by half, at the moments of the one whose middle is nearest, and the
   mean of their evidence, each counting the more the nearer its middle is. */
#include "internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double LEAST_WEIGHT = 1e-6, APART_SECONDS = 0.5;

/* One curve in all windows of a recording: rows is [windows][moments]. */
typedef struct {
    const mf_model *model;
    Timing timing;
    size_t windows;
    double end; /* seconds of the sound */
    float *rows;
} Rows;

static double length_of(const Rows *rows) { return (double)rows->timing.moments * rows->timing.step; }

static double start_of(const mf_model *model, size_t window) {
    return (double)(window * (model->window / 2)) / (double)model->rate;
}

/* Note the moments of a window that lie nearer to its middle than to another's, up to the end of the sound. */
static void note(const Rows *rows, size_t window, double *times, size_t *count) {
    double start = start_of(rows->model, window), length = length_of(rows), upper = rows->end;
    double lower = window ? (start + start_of(rows->model, window - 1) + length) / 2 : -INFINITY;
    if (window + 1 < rows->windows) upper = fmin((start_of(rows->model, window + 1) + start + length) / 2, upper);
    for (size_t k = 0; k < rows->timing.moments; k++) {
        double time = start + rows->timing.first + rows->timing.step * (double)k;
        if (time >= lower && time < upper) times[(*count)++] = time;
    }
}

static void average(const Rows *rows, const double *times, size_t count, double *weight, double *evidence) {
    double half = length_of(rows) / 2;
    for (size_t i = 0, from = 0; i < rows->windows; i++) {
        const float *row = rows->rows + i * rows->timing.moments;
        double start = start_of(rows->model, i);
        while (from < count && times[from] < start) from++;
        for (size_t j = from; j < count && times[j] < start + 2 * half; j++) {
            double near = fmax(LEAST_WEIGHT, 1 - fabs(times[j] - start - half) / half);
            evidence[j] += near * mfi_evidence_at(&rows->timing, row, times[j] - start);
            weight[j] += near;
        }
    }
    for (size_t j = 0; j < count; j++) evidence[j] /= weight[j];
}

/* One curve out of those of all windows. */
static mf_status stitched(const Rows *rows, double **times, double **evidence, size_t *count) {
    size_t most = rows->windows * rows->timing.moments;
    double *weight;
    TRY(mfi_reserve(times, most, sizeof **times));
    TRY(mfi_reserve(evidence, most, sizeof **evidence));
    TRY(mfi_reserve(&weight, most, sizeof *weight));
    for (size_t i = 0; i < rows->windows; i++) note(rows, i, *times, count);
    average(rows, *times, *count, weight, *evidence);
    free(weight);
    return MF_OK;
}

static mf_status slide(const Sound *sound, const Rows *cut, const Rows *backwards, float *window) {
    const mf_model *model = cut->model;
    const size_t sizes[OUTPUTS] = {[CUT] = cut->timing.moments, [BACKWARDS] = backwards->timing.moments};
    for (size_t i = 0; i < cut->windows; i++) {
        size_t start = i * (model->window / 2), left = sound->count - start;
        float *const to[OUTPUTS] = {
            [CUT] = cut->rows + i * sizes[CUT],
            [BACKWARDS] = backwards->rows ? backwards->rows + i * sizes[BACKWARDS] : NULL};
        memset(window, 0, model->window * sizeof *window);
        memcpy(window, sound->samples + start, (left < model->window ? left : model->window) * sizeof *window);
        TRY(mfi_run(model, window, to, sizes));
        TRY(mfi_hear_again(model, window, to[CUT]));
    }
    return MF_OK;
}

static mf_status reserve_rows(Rows *rows) {
    if (!rows->timing.moments) return MF_OK;
    if (rows->timing.moments > SIZE_MAX / rows->windows)
        return mfi_fail(MF_MEMORY, "no memory is left for %zu windows", rows->windows);
    return mfi_reserve(&rows->rows, rows->windows * rows->timing.moments, sizeof *rows->rows);
}

static mf_status read_both(const Sound *sound, Rows *cut, Rows *backwards, float *window, mf_continuity_result *result) {
    TRY(reserve_rows(cut));
    TRY(reserve_rows(backwards));
    TRY(slide(sound, cut, backwards, window));
    TRY(stitched(cut, &result->times, &result->evidence, &result->count));
    if (!backwards->rows) return MF_OK;
    TRY(stitched(backwards, &result->backwards_times, &result->backwards, &result->backwards_count));
    for (size_t i = 0; i < result->backwards_count; i++) result->backwards[i] = 1 / (1 + exp(result->backwards[i]));
    return MF_OK;
}

mf_status mfi_read_curves(const mf_model *model, const Sound *sound, mf_continuity_result *result) {
    size_t half = model->window / 2, windows = 1;
    if (sound->count > model->window) windows += (sound->count - model->window - 1) / half + 1;
    Rows cut = {model, model->cut, windows, (double)sound->count / (double)model->rate, NULL}, backwards = cut;
    backwards.timing = model->backwards;
    result->apart = APART_SECONDS;
    result->backwards_step = model->backwards.step;
    float *window;
    TRY(mfi_reserve(&window, model->window, sizeof *window));
    mf_status status = read_both(sound, &cut, &backwards, window, result);
    free(cut.rows);
    free(backwards.rows);
    free(window);
    return status;
}
