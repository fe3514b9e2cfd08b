/* The curve of cuts over a recording: windows that overlap by half, at the moments of the one whose middle is nearest,
   and the mean of their evidence, each counting the more the nearer its middle is. */
#include "internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double CERTAIN = 1e-6, APART_SECONDS = 0.5;

double mfi_evidence_of(float cut) {
    double p = fmin(fmax(cut, CERTAIN), 1 - CERTAIN);
    return -log(p / (1 - p));
}

static double length_of(const mf_model *model) { return (double)model->moments * model->cut_step; }

static double start_of(const mf_model *model, size_t window) {
    return (double)(window * (model->window / 2)) / (double)model->rate;
}

/* Note the moments of a window that lie nearer to its middle than to another's, up to the end of the sound. */
static void note(const mf_model *model, size_t window, size_t windows, double end, mf_continuity_result *result) {
    double start = start_of(model, window), length = length_of(model);
    double lower = window ? (start + start_of(model, window - 1) + length) / 2 : -INFINITY;
    double upper = window + 1 < windows ? fmin((start_of(model, window + 1) + start + length) / 2, end) : end;
    for (size_t k = 0; k < model->moments; k++) {
        double time = start + model->cut_first + model->cut_step * (double)k;
        if (time >= lower && time < upper) result->times[result->count++] = time;
    }
}

double mfi_evidence_at(const mf_model *model, const float *row, double seconds) {
    double place = fmin(fmax((seconds - model->cut_first) / model->cut_step, 0), (double)(model->moments - 1));
    size_t before = (size_t)place, behind = before + 1 < model->moments ? before + 1 : before;
    double share = place - (double)before;
    return (1 - share) * mfi_evidence_of(row[before]) + share * mfi_evidence_of(row[behind]);
}

static void average(const mf_model *model, const float *rows, size_t windows, double *weight,
                    mf_continuity_result *result) {
    double half = length_of(model) / 2;
    for (size_t i = 0, from = 0; i < windows; i++) {
        double start = start_of(model, i);
        while (from < result->count && result->times[from] < start) from++;
        for (size_t j = from; j < result->count && result->times[j] < start + 2 * half; j++) {
            double near = fmax(CERTAIN, 1 - fabs(result->times[j] - start - half) / half);
            result->evidence[j] += near * mfi_evidence_at(model, rows + i * model->moments, result->times[j] - start);
            weight[j] += near;
        }
    }
    for (size_t j = 0; j < result->count; j++) result->evidence[j] /= weight[j];
}

static mf_status slide(const mf_model *model, const Sound *sound, size_t windows, float *window, float *rows) {
    for (size_t i = 0; i < windows; i++) {
        size_t start = i * (model->window / 2), left = sound->count - start;
        memset(window, 0, model->window * sizeof *window);
        memcpy(window, sound->samples + start, (left < model->window ? left : model->window) * sizeof *window);
        TRY(mfi_run_cut(model, window, rows + i * model->moments));
        TRY(mfi_hear_again(model, window, rows + i * model->moments));
    }
    return MF_OK;
}

mf_status mfi_read_curve(const mf_model *model, const Sound *sound, mf_continuity_result *result) {
    size_t half = model->window / 2, windows = 1;
    if (sound->count > model->window) windows += (sound->count - model->window - 1) / half + 1;
    float *window;
    double *weight = NULL;
    if (model->moments > SIZE_MAX / windows - model->window)
        return mfi_fail(MF_MEMORY, "no memory is left for %zu windows", windows);
    size_t most = windows * model->moments;
    TRY(mfi_reserve(&result->times, most, sizeof *result->times));
    TRY(mfi_reserve(&result->evidence, most, sizeof *result->evidence));
    TRY(mfi_reserve(&window, model->window + most, sizeof *window));
    float *rows = window + model->window;
    result->apart = APART_SECONDS;
    mf_status status = slide(model, sound, windows, window, rows);
    if (!status) status = mfi_reserve(&weight, most, sizeof *weight);
    if (!status) {
        double end = (double)sound->count / (double)model->rate;
        for (size_t i = 0; i < windows; i++) note(model, i, windows, end, result);
        average(model, rows, windows, weight, result);
    }
    free(weight);
    free(window);
    return status;
}
