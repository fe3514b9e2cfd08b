/* Second hearing of windows that seem to hold a cut: at another speed; both answers count. */
#include "internal.h"

#include <math.h>
#include <stdlib.h>

static const float SUSPICIOUS = 0.25F;
static const double SLOWER = 1.06, SURER = 1.4;

static mf_status run(const mf_model *model, float *window, float *row) {
    const size_t sizes[OUTPUTS] = {[CUT] = model->cut.moments};
    float *const to[OUTPUTS] = {[CUT] = row};
    return mfi_run(model, window, to, sizes);
}

static size_t likeliest(const mf_model *model, const float *row) {
    size_t best = 0;
    for (size_t k = 1; k < model->cut.moments; k++)
        if (row[k] > row[best]) best = k;
    return best;
}

static double time_of(const mf_model *model, size_t moment) {
    return model->cut.first + model->cut.step * (double)moment;
}

/* First sample to be heard of the slower window, so that a moment of the window comes in the middle if it can. */
static size_t start_of(const mf_model *model, size_t moment) {
    double size = (double)model->window, last = floor((size - 1) * (SLOWER - 1));
    double start = floor(time_of(model, moment) * (double)model->rate * SLOWER - size / 2);
    return (size_t)fmin(fmax(start, 0), last);
}

/* Play a window slower, from a sample of the longer one on. */
static void slow_down(const mf_model *model, const float *window, size_t start, float *slower) {
    for (size_t i = 0; i < model->window; i++) {
        double place = (double)(start + i) / SLOWER;
        size_t before = (size_t)place;
        double share = place - (double)before;
        slower[i] = share > 0 ? (float)((1 - share) * window[before] + share * window[before + 1]) : window[before];
    }
}

/* Both hearings of each moment that the second reached, as one probability. */
static void unite(const mf_model *model, const float *second, size_t start, float *row) {
    double offset = (double)start / (double)model->rate, last = time_of(model, model->cut.moments - 1);
    for (size_t k = 0; k < model->cut.moments; k++) {
        double seconds = time_of(model, k) * SLOWER - offset;
        if (seconds < model->cut.first || seconds > last) continue;
        double evidence = SURER * (mfi_evidence_of(row[k]) + mfi_evidence_at(&model->cut, second, seconds)) / 2;
        row[k] = (float)(1 / (1 + exp(evidence)));
    }
}

mf_status mfi_hear_again(const mf_model *model, const float *window, float *row) {
    size_t place = likeliest(model, row);
    float *slower;
    if (!(row[place] >= SUSPICIOUS)) return MF_OK;
    size_t start = start_of(model, place);
    TRY(mfi_reserve(&slower, model->window + model->cut.moments, sizeof *slower));
    slow_down(model, window, start, slower);
    mf_status status = run(model, slower, slower + model->window);
    if (!status) unite(model, slower + model->window, start, row);
    free(slower);
    return status;
}
