/* Calls the C library for test_library.py: MODEL extract RATE HOP FILE, MODEL order RATE GAP FILES..., MODEL continuity
 * RATE LEAST FILE, MODEL resample RATE TO FILE RESULT, MODEL misuse, MODEL wav WAV RESULT. FILEs hold floats. Prints JSON; errors as {"code": ..., "error": ...}. */
#include "musicfeat.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static float *loaded(const char *path, size_t *count) {
    FILE *file = fopen(path, "rb");
    if (!file) exit(9);
    fseek(file, 0, SEEK_END);
    *count = (size_t)ftell(file) / sizeof(float);
    rewind(file);
    float *samples = malloc(*count * sizeof *samples + 1);
    if (fread(samples, sizeof *samples, *count, file) != *count) exit(9);
    fclose(file);
    return samples;
}

static int failed(mf_status code) {
    if (code) printf("{\"code\": %d, \"error\": \"%s\"}\n", (int)code, mf_error());
    return code != MF_OK;
}

#define LIST(name, format, values, count) do { \
    printf("%s\"%s\": [", name[0] == 's' && name[1] == 't' ? "{" : ", ", name); \
    for (size_t i_ = 0; i_ < (count); i_++) printf("%s" format, i_ ? ", " : "", (values)[i_]); \
    putchar(']'); } while (0)

static void extract(mf_model *model, char **words) {
    size_t count;
    float *samples = loaded(words[2], &count);
    mf_features *f;
    if (!failed(mf_extract(model, samples, count, (uint32_t)atoi(words[0]), (size_t)atol(words[1]), &f))) {
        LIST("starts", "%.17g", f->starts, f->windows);
        LIST("ends", "%.17g", f->ends, f->windows);
        LIST("weights", "%.17g", f->weights, f->windows);
        LIST("silent", "%d", f->silent, f->windows);
        LIST("reversal", "%.9g", f->reversal, f->windows);
        LIST("jigsaw", "%.9g", f->jigsaw, f->windows);
        LIST("embeddings", "%.9g", f->embeddings, f->windows * f->dimension);
        LIST("tag_curve", "%.9g", f->tag_curve, f->windows * f->label_count);
        LIST("embedding", "%.9g", f->embedding, f->dimension);
        LIST("tags", "%.9g", f->tags, f->label_count);
        LIST("labels", "\"%s\"", mf_describe(model).labels, f->label_count);
        printf(", \"reversed\": %.17g}\n", f->reversed);
        mf_free_features(f);
    }
    free(samples);
}

static void order(mf_model *model, char **words, int pieces) {
    size_t counts[64];
    float *waves[64];
    mf_order_result *o;
    for (int i = 0; i < pieces; i++) waves[i] = loaded(words[2 + i], &counts[i]);
    if (!failed(mf_order(model, (const float *const *)waves, counts, (size_t)pieces, (uint32_t)atoi(words[0]),
                         atof(words[1]), &o))) {
        printf("{\"probability\": %.17g, \"shuffled\": %.17g, \"gap\": %.17g", o->probability, o->shuffled, o->gap);
        LIST("permutation", "%zu", o->permutation, o->pieces);
        LIST("scores", "%.17g", o->scores, o->pieces * o->pieces);
        puts("}");
        mf_free_order(o);
    }
    for (int i = 0; i < pieces; i++) free(waves[i]);
}

static void continuity(mf_model *model, char **words) {
    size_t count, found;
    float *samples = loaded(words[2], &count);
    double times[64], cuts[64], starts[64], ends[64], likely[64];
    mf_edit edits[64];
    mf_stretch stretches[64];
    mf_continuity_result *c;
    if (!failed(mf_continuity(model, samples, count, (uint32_t)atoi(words[0]), &c))) {
        found = mf_edits(c, atof(words[1]), edits, 64);
        for (size_t i = 0; i < found; i++) times[i] = edits[i].time, cuts[i] = edits[i].probability;
        printf("{\"count\": %zu", c->count);
        LIST("times", "%.17g", c->times, c->count);
        LIST("evidence", "%.17g", c->evidence, c->count);
        LIST("edits", "%.17g", times, found);
        LIST("cuts", "%.17g", cuts, found);
        found = mf_stretches(c, 0.1, stretches, 64);
        for (size_t i = 0; i < found; i++)
            starts[i] = stretches[i].start, ends[i] = stretches[i].end, likely[i] = stretches[i].probability;
        LIST("backwards_times", "%.17g", c->backwards_times, c->backwards_count);
        LIST("backwards", "%.17g", c->backwards, c->backwards_count);
        LIST("reversed_from", "%.17g", starts, found);
        LIST("reversed_to", "%.17g", ends, found);
        LIST("reversed", "%.17g", likely, found);
        puts("}");
        if (mf_stretches(c, 2, stretches, 64) || mf_stretches(c, 0, stretches, 0)) exit(9);
        if (mf_edits(c, 0, edits, 1) != 1 || mf_edits(c, 2, edits, 64) || mf_edits(c, 0, edits, 0)) exit(9);
        mf_free_continuity(c);
    }
    free(samples);
}

static void resample(char **words) {
    size_t count, length;
    float *samples = loaded(words[2], &count), *resampled;
    if (!failed(mf_resample(samples, count, (uint32_t)atoi(words[0]), (uint32_t)atoi(words[1]), &resampled, &length))) {
        FILE *file = fopen(words[3], "wb");
        if (!file || fwrite(resampled, sizeof *resampled, length, file) != length || fclose(file)) exit(9);
        mf_free_samples(resampled);
    }
    free(samples);
}

/* A WAV file, heard by the model too, and its samples written. */
static void wav(mf_model *model, char **words) {
    size_t count;
    float *samples;
    uint32_t rate;
    mf_features *f;
    if (failed(mf_read_wav(words[0], &samples, &count, &rate))) return;
    if (!failed(mf_extract(model, samples, count, rate, 0, &f))) {
        FILE *file = fopen(words[1], "wb");
        if (!file || fwrite(samples, sizeof *samples, count, file) != count || fclose(file)) exit(9);
        mf_free_features(f);
    }
    mf_free_samples(samples);
}

/* Every argument that can be wrong, wrong. */
static void misuse(mf_model *model) {
    float sound[30000] = {0.5f, -0.5f}, broken[3] = {0, NAN, 0}, loud[1] = {2e31f};
    const float *pieces[20];
    size_t counts[20];
    uint32_t rate = mf_describe(model).sample_rate;
    mf_features *f;
    mf_order_result *o;
    mf_continuity_result *c;
    mf_model *other;
    float *resampled;
    size_t length;
    uint32_t found;
    for (int i = 0; i < 20; i++) pieces[i] = sound, counts[i] = 30000;
    failed(mf_open(NULL, 1, &other));
    failed(mf_open("", 1, &other));
    failed(mf_open("model.onnx", 1, NULL));
    failed(mf_open("model.onnx", -1, &other));
    failed(mf_extract(NULL, sound, 9, rate, 0, &f));
    failed(mf_extract(model, sound, 9, rate, 0, NULL));
    failed(mf_extract(model, NULL, 9, rate, 0, &f));
    failed(mf_extract(model, sound, 0, rate, 0, &f));
    failed(mf_extract(model, sound, 9, 999, 0, &f));
    failed(mf_extract(model, broken, 3, rate, 0, &f));
    failed(mf_extract(model, loud, 1, rate, 0, &f));
    failed(mf_extract(model, sound, 9, rate, SIZE_MAX, &f));
    failed(mf_order(model, pieces, counts, 1, rate, 0, &o));
    failed(mf_order(model, pieces, counts, 14, rate, 0, &o));
    failed(mf_order(model, NULL, counts, 2, rate, 0, &o));
    failed(mf_order(model, pieces, counts, 2, rate, 9, &o));
    failed(mf_order(model, pieces, counts, 2, rate, NAN, &o));
    counts[1] = 100;
    failed(mf_order(model, pieces, counts, 2, rate, 0, &o));
    failed(mf_continuity(model, sound, 9, rate, NULL));
    if (!failed(mf_continuity(model, sound, 30000, rate, &c))) mf_free_continuity(c); /* too short for joins alone */
    failed(mf_continuity(model, broken, 3, rate, &c));
    failed(mf_resample(sound, 9, rate, 0, &resampled, &length));
    failed(mf_resample(sound, 9, UINT32_MAX, rate, &resampled, &length));
    failed(mf_resample(NULL, 9, rate, rate, &resampled, &length));
    failed(mf_resample(sound, 9, rate, rate, NULL, &length));
    failed(mf_read_wav("missing.wav", &resampled, &length, &found));
    failed(mf_read_wav(NULL, &resampled, &length, &found));
    if (mf_edits(NULL, 0, NULL, 9) || mf_stretches(NULL, 0, NULL, 9)) exit(9);
    mf_free_continuity(NULL);
    mf_free_samples(NULL);
    mf_free_features(NULL);
    mf_free_order(NULL);
    mf_close(NULL);
}

int main(int count, char **words) {
    mf_model *model;
    if (count < 3) return 9;
    if (failed(mf_open(words[1], 1, &model))) return 1;
    if (!strcmp(words[2], "extract")) extract(model, words + 3);
    else if (!strcmp(words[2], "order")) order(model, words + 3, count - 5);
    else if (!strcmp(words[2], "continuity")) continuity(model, words + 3);
    else if (!strcmp(words[2], "resample")) resample(words + 3);
    else if (!strcmp(words[2], "wav")) wav(model, words + 3);
    else misuse(model);
    mf_close(model);
    return 0;
}
