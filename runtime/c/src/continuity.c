/* Continuity of a recording: a curve of cuts, or scores of joins at every time, shows where something was cut out or put in. */
#include "internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS = 14 }; /* windows that begin in each piece; joins of earlier and later windows fall on the same times */
static const double APART_SECONDS = 2;

static mf_status slide(const mf_model *model, const Sound *sound, size_t step, size_t windows, double *total,
                       double *seen) {
    const size_t sizes[OUTPUTS] = {[SUCCESSOR] = model->pieces * model->pieces};
    float *window, *table;
    TRY(mfi_reserve(&window, model->window + sizes[SUCCESSOR], sizeof *window));
    table = window + model->window;
    float *const to[OUTPUTS] = {[SUCCESSOR] = table};
    mf_status status = MF_OK;
    for (size_t i = 0; !status && i < windows; i++) {
        memcpy(window, sound->samples + i * step, model->window * sizeof *window);
        status = mfi_run(model, window, to, sizes);
        for (size_t place = 0; !status && place + 1 < model->pieces; place++) {
            total[STEPS * place + i] += table[place * model->pieces + place + 1];
            seen[STEPS * place + i] += 1;
        }
    }
    free(window);
    return status;
}

static mf_status overlaid(const mf_model *model, const Sound *sound, mf_continuity_result *result) {
    size_t step = model->window / model->pieces / STEPS, windows = (sound->count - model->window) / step + 1;
    size_t count = windows + STEPS * (model->pieces - 2);
    double *seen;
    result->apart = APART_SECONDS;
    TRY(mfi_reserve(&result->times, count, sizeof *result->times));
    TRY(mfi_reserve(&result->evidence, count, sizeof *result->evidence));
    TRY(mfi_reserve(&seen, count, sizeof *seen));
    mf_status status = slide(model, sound, step, windows, result->evidence, seen);
    for (size_t i = 0; i < count; i++) {
        if (seen[i] == 0) continue;
        result->times[result->count] = (double)step / (double)model->rate * (double)(STEPS + i);
        result->evidence[result->count++] = result->evidence[i] / seen[i];
    }
    free(seen);
    return status;
}

static mf_status judged(const mf_model *model, const Sound *sound, mf_continuity_result **continuity) {
    if (!model->has[CUT] && sound->count < model->window)
        return mfi_fail(MF_INPUT, "continuity needs at least a window of %g s of sound",
                        (double)model->window / (double)model->rate);
    TRY(mfi_reserve(continuity, 1, sizeof **continuity));
    return (model->has[CUT] ? mfi_read_curves : overlaid)(model, sound, *continuity);
}

mf_status mf_continuity(const mf_model *model, const float *samples, size_t count, uint32_t sample_rate,
                        mf_continuity_result **continuity) {
    Sound sound = {0};
    if (!model || !continuity) return mfi_fail(MF_INPUT, "a model and a place for the continuity are needed");
    *continuity = NULL;
    if (!model->has[CUT] && (!model->has[SUCCESSOR] || model->window / model->pieces < STEPS))
        return mfi_fail(MF_MODEL, "model %s has no cut and no successor", model->name);
    TRY(mfi_hear(model, samples, count, sample_rate, &sound));
    mf_status status = judged(model, &sound, continuity);
    free(sound.owned);
    if (!status) return MF_OK;
    mf_free_continuity(*continuity);
    *continuity = NULL;
    return status;
}

static double cut_probability(double evidence) { return 1 - 1 / (1 + exp(-fmin(fmax(evidence, -50), 50))); }

/* A place is a peak if none beside it is likelier. */
static int is_peak(const mf_continuity_result *found, size_t i) {
    double here = cut_probability(found->evidence[i]);
    return (i == 0 || cut_probability(found->evidence[i - 1]) <= here) &&
           (i + 1 == found->count || cut_probability(found->evidence[i + 1]) <= here);
}

/* The likeliest peak that no chosen one is near to; count if there is none. */
static size_t likeliest(const mf_continuity_result *found, double least, const mf_edit *edits, size_t chosen) {
    size_t best = found->count;
    for (size_t i = 0; i < found->count; i++) {
        int is_free = cut_probability(found->evidence[i]) >= least && is_peak(found, i);
        for (size_t k = 0; is_free && k < chosen; k++) is_free = fabs(found->times[i] - edits[k].time) >= found->apart;
        if (is_free && (best == found->count || found->evidence[i] < found->evidence[best])) best = i;
    }
    return best;
}

static int earlier(const void *a, const void *b) {
    double first = ((const mf_edit *)a)->time, second = ((const mf_edit *)b)->time;
    return (first > second) - (first < second);
}

size_t mf_edits(const mf_continuity_result *continuity, double least, mf_edit *edits, size_t room) {
    size_t chosen = 0;
    if (!continuity || !edits) return 0;
    for (; chosen < room; chosen++) {
        size_t i = likeliest(continuity, least, edits, chosen);
        if (i == continuity->count) break;
        edits[chosen] = (mf_edit){continuity->times[i], cut_probability(continuity->evidence[i])};
    }
    qsort(edits, chosen, sizeof *edits, earlier);
    return chosen;
}

void mf_free_continuity(mf_continuity_result *continuity) {
    if (!continuity) return;
    free(continuity->times);
    free(continuity->evidence);
    free(continuity->backwards_times);
    free(continuity->backwards);
    free(continuity);
}
