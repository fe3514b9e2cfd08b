/* Windows of a recording, what is heard in each, and all of them pooled. */
#include "internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const float SILENCE = 2e-6f;

static mf_status features_of(const mf_model *model, size_t windows, mf_features **features) {
    TRY(mfi_reserve(features, 1, sizeof **features));
    mf_features *f = *features;
    f->windows = windows, f->dimension = model->dimension;
    f->label_count = model->has[TAGS] ? model->label_count : 0;
    TRY(mfi_reserve(&f->starts, windows, sizeof *f->starts));
    TRY(mfi_reserve(&f->ends, windows, sizeof *f->ends));
    TRY(mfi_reserve(&f->weights, windows, sizeof *f->weights));
    TRY(mfi_reserve(&f->silent, windows, sizeof *f->silent));
    TRY(mfi_reserve(&f->reversal, windows, sizeof *f->reversal));
    TRY(mfi_reserve(&f->jigsaw, windows, sizeof *f->jigsaw));
    if (f->dimension > SIZE_MAX / windows) return mfi_fail(MF_MEMORY, "no memory is left for %zu windows", windows);
    TRY(mfi_reserve(&f->embeddings, windows * f->dimension, sizeof *f->embeddings));
    TRY(mfi_reserve(&f->tag_curve, windows * f->label_count, sizeof *f->tag_curve));
    TRY(mfi_reserve(&f->embedding, f->dimension, sizeof *f->embedding));
    return mfi_reserve(&f->tags, f->label_count, sizeof *f->tags);
}

static int is_silent(const float *samples, size_t count) {
    float least = samples[0], most = samples[0];
    for (size_t i = 1; i < count; i++) least = fminf(least, samples[i]), most = fmaxf(most, samples[i]);
    return most - least <= SILENCE;
}

/* One row: what a silent, short or padded window cannot tell stays undecided. */
static mf_status judge(const mf_model *model, float *window, size_t valid, size_t row, mf_features *f) {
    const size_t sizes[OUTPUTS] = {f->dimension, 1, 1, f->label_count, 0};
    float reversal = 0.5f, jigsaw = 0.5f;
    float *to[OUTPUTS] = {f->embeddings + row * f->dimension, model->has[REVERSAL] ? &reversal : NULL,
                          model->has[JIGSAW] ? &jigsaw : NULL,
                          f->label_count ? f->tag_curve + row * f->label_count : NULL, NULL};
    f->silent[row] = (uint8_t)is_silent(window, valid);
    f->reversal[row] = f->jigsaw[row] = 0.5f;
    if (f->silent[row]) return MF_OK;
    TRY(mfi_run(model, window, to, sizes));
    if (valid >= model->rate) f->reversal[row] = reversal;
    if (valid == model->window) f->jigsaw[row] = jigsaw;
    return MF_OK;
}

static void pool(mf_features *f, size_t hop, size_t last) {
    double total = 0, log_odds = 0;
    int heard = 0;
    for (size_t i = 0; i < f->windows; i++) heard |= !f->silent[i];
    for (size_t i = 0; i < f->windows; i++) {
        f->weights[i] = f->silent[i] && heard ? 0 : (double)(i + 1 < f->windows ? hop : last);
        total += f->weights[i];
    }
    for (size_t i = 0; i < f->windows; i++) {
        double p = fmin(fmax(f->reversal[i], 1e-4), 1 - 1e-4), weight = f->weights[i] /= total;
        log_odds += weight * log(p / (1 - p));
        const float *embedding = f->embeddings + i * f->dimension, *tags = f->tag_curve + i * f->label_count;
        for (size_t k = 0; k < f->dimension; k++) f->embedding[k] += (float)(weight * embedding[k]);
        for (size_t k = 0; k < f->label_count; k++) f->tags[k] += (float)(weight * tags[k]);
    }
    f->reversed = 1 / (1 + exp(-log_odds));
}

static mf_status extract(const mf_model *model, const Sound *sound, size_t hop, mf_features *f) {
    float *window;
    mf_status status = MF_OK;
    size_t valid = 0;
    TRY(mfi_reserve(&window, model->window, sizeof *window));
    for (size_t row = 0; !status && row < f->windows; row++) {
        size_t start = row * hop;
        valid = sound->count - start < model->window ? sound->count - start : model->window;
        memset(window, 0, model->window * sizeof *window);
        memcpy(window, sound->samples + start, valid * sizeof *window);
        f->starts[row] = (double)start / (double)model->rate;
        f->ends[row] = (double)(start + valid) / (double)model->rate;
        status = judge(model, window, valid, row, f);
    }
    free(window);
    if (!status) pool(f, hop, valid);
    return status;
}

static mf_status extracted(const mf_model *model, const Sound *sound, size_t hop, mf_features **features) {
    size_t windows = sound->count <= model->window ? 1 : 1 + (sound->count - model->window - 1) / hop + 1;
    mf_status status = features_of(model, windows, features);
    if (!status) status = extract(model, sound, hop, *features);
    if (!status) return MF_OK;
    mf_free_features(*features);
    *features = NULL;
    return status;
}

mf_status mf_extract(const mf_model *model, const float *samples, size_t count, uint32_t sample_rate, size_t hop,
                     mf_features **features) {
    Sound sound;
    if (!model || !features) return mfi_fail(MF_INPUT, "a model and a place for the features are needed");
    *features = NULL;
    if (!hop) hop = model->hop;
    if (hop > model->window)
        return mfi_fail(MF_INPUT, "hop must be from 1 to %zu samples so that none is left out, got %zu",
                        model->window, hop);
    TRY(mfi_hear(model, samples, count, sample_rate, &sound));
    mf_status status = extracted(model, &sound, hop, features);
    free(sound.owned);
    return status;
}

void mf_free_features(mf_features *f) {
    if (!f) return;
    void *parts[] = {f->starts, f->ends, f->weights, f->silent, f->embeddings, f->reversal, f->jigsaw, f->tag_curve,
                     f->embedding, f->tags};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) free(parts[i]);
    free(f);
}
