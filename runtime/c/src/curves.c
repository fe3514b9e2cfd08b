/* The curve of cuts over a recording: windows that overlap by half, each moment read from the one whose middle is nearest. */
#include "internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double CERTAIN = 1e-6, APART_SECONDS = 0.5;

static double evidence_of(float cut) {
    double p = fmin(fmax(cut, CERTAIN), 1 - CERTAIN);
    return -log(p / (1 - p));
}

/* Add the moments of the row that begins at `start` seconds and lie from `lower` up to `upper`. */
static void add(const mf_model *model, const float *row, double start, double lower, double upper,
                mf_continuity_result *result) {
    for (size_t k = 0; k < model->moments; k++) {
        double time = start + model->cut_first + model->cut_step * (double)k;
        if (time < lower || time >= upper) continue;
        result->times[result->count] = time;
        result->evidence[result->count++] = evidence_of(row[k]);
    }
}

static mf_status slide(const mf_model *model, const Sound *sound, size_t windows, float *window, float *row,
                       mf_continuity_result *result) {
    const size_t half = model->window / 2, sizes[OUTPUTS] = {[CUT] = model->moments};
    const double rate = (double)model->rate, length = (double)model->moments * model->cut_step;
    float *const to[OUTPUTS] = {[CUT] = row};
    for (size_t i = 0; i < windows; i++) {
        size_t start = i * half, left = sound->count - start, valid = left < model->window ? left : model->window;
        double here = (double)start / rate, before = (double)(start - (i ? half : 0)) / rate;
        double after = (double)(start + half) / rate, end = (double)sound->count / rate;
        memset(window, 0, model->window * sizeof *window);
        memcpy(window, sound->samples + start, valid * sizeof *window);
        TRY(mfi_run(model, window, to, sizes));
        add(model, row, here, i ? (here + before + length) / 2 : -INFINITY,
            i + 1 < windows ? fmin((after + here + length) / 2, end) : end, result);
    }
    return MF_OK;
}

mf_status mfi_read_curve(const mf_model *model, const Sound *sound, mf_continuity_result *result) {
    size_t half = model->window / 2, windows = 1;
    if (sound->count > model->window) windows += (sound->count - model->window - 1) / half + 1;
    float *window;
    if (model->moments > SIZE_MAX / windows) return mfi_fail(MF_MEMORY, "no memory is left for %zu windows", windows);
    TRY(mfi_reserve(&result->times, windows * model->moments, sizeof *result->times));
    TRY(mfi_reserve(&result->evidence, windows * model->moments, sizeof *result->evidence));
    TRY(mfi_reserve(&window, model->window + model->moments, sizeof *window));
    result->apart = APART_SECONDS;
    mf_status status = slide(model, sound, windows, window, window + model->window, result);
    free(window);
    return status;
}
